/* The panel of one body, and the numbers of one organ in every body. */
(() => {
  "use strict";
  const { make, numbers, counted, letter } = window.Seeding;
  const NOTE_MS = 4000;

  /* One body: its name, its drawing with the canvas over it, and its four totals. */
  class BodyPanel {
    constructor(player, arm, parent, number) {
      const { text } = player;
      this.player = player; this.arm = arm;
      this.title = text.has(`arm.${arm.name}`) ? text(`arm.${arm.name}`) : arm.name;
      this.root = make("figure", "sp-body", parent);
      this.root.setAttribute("aria-label", this.title);
      const caption = make("figcaption", "", this.root);
      const title = make("strong", "sp-title", caption);
      if (number !== null) letter(title, number);
      title.append(this.title);
      make("span", "sp-primary", caption, text("player.primary", { site: text(`site.${arm.primary}`), age: numbers(text, arm.age_years) }));
      this.message = make("p", "sp-note", this.root);
      this.frame = make("div", "sp-frame", this.root);
      this.frame.innerHTML = window.Seeding.bodyDrawing;
      this.svg = this.frame.querySelector("svg");
      for (const vessel of this.svg.querySelectorAll(".vessel")) {
        const tube = vessel.cloneNode(); // a pale wall around the blood
        tube.classList.replace("vessel", "tube");
        tube.removeAttribute("data-vessel");
        vessel.before(tube);
      }
      for (const shape of this.svg.querySelectorAll("[data-organ] .shape")) {
        const halo = shape.cloneNode();
        halo.setAttribute("class", "halo");
        shape.before(halo);
      }
      this.svg.setAttribute("aria-label", text("player.drawing", { arm: this.title }));
      this.canvas = make("canvas", "sp-canvas", this.frame);
      this.canvas.setAttribute("aria-hidden", "true");
      this.named = make("p", "sp-named", this.frame);
      this.named.setAttribute("aria-hidden", "true");
      this.over = make("p", "sp-over", this.frame);
      const shunt = arm.paths.some((path) => path.vein === "shunt");
      this.svg.classList.toggle("with-shunt", shunt);
      this.organs();
      this.tiles = Object.fromEntries(window.Seeding.TILES.map((name) => [name, this.tile(name, text)]));
    }

    tile(name, text) {
      this.list = this.list || make("dl", "sp-tiles", this.root);
      const box = make("div", `sp-tile sp-tile-${name}`, this.list);
      make("dt", "", box, text(`tile.${name}`));
      return make("dd", "", box, "0");
    }

    /* Organs take part in the keyboard: one stop a body, arrow keys among its organs. */
    organs() {
      const { player, svg } = this, { text } = player;
      this.shapes = [...svg.querySelectorAll("[data-organ]")];
      for (const label of svg.querySelectorAll("[data-label]")) label.textContent = text(`organ.${label.dataset.label}`);
      this.shapes.forEach((shape, i) => {
        const choose = () => player.select(shape.dataset.organ);
        shape.setAttribute("role", "button");
        shape.setAttribute("aria-label", text(`organ.${shape.dataset.organ}`));
        shape.addEventListener("pointerenter", choose);
        shape.addEventListener("click", choose);
        shape.addEventListener("focus", choose);
        shape.addEventListener("keydown", (event) => {
          const turn = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
          if (!turn) return;
          event.preventDefault();
          event.stopPropagation();
          this.shapes[(i + turn + this.shapes.length) % this.shapes.length].focus();
        });
      });
    }

    select(organ) {
      this.named.textContent = this.player.text(`organ.${organ}`);
      for (const shape of this.shapes) {
        const mine = shape.dataset.organ === organ;
        shape.classList.toggle("selected", mine);
        shape.setAttribute("tabindex", mine ? "0" : "-1");
      }
    }

    /* The numbers of a day, and how the soil of each organ stands. */
    show(state) {
      const { text } = this.player;
      for (const [name, cell] of Object.entries(this.tiles)) {
        const shown = numbers(text, state.totals[name]);
        if (cell.textContent !== shown) cell.textContent = shown;
      }
      for (const shape of this.shapes) {
        const factor = state.receptivity[shape.dataset.organ];
        const glow = factor > 1.02 ? Math.min(Math.log10(factor) + 0.35, 1) : 0;
        shape.style.setProperty("--glow", glow.toFixed(2));
        shape.classList.toggle("glowing", glow > 0);
        shape.classList.toggle("barren", factor < 0.98);
        const here = state.counts[shape.dataset.organ];
        shape.classList.toggle("seeded", here.asleep + here.awake + here.micrometastasis + here.macrometastasis > 0);
      }
      const over = state.alive ? (state.over ? text("player.over") : "") : text("player.died");
      if (this.over.textContent !== over) this.over.textContent = over;
      this.frame.classList.toggle("sp-ended", over !== "");
    }

    /* A line over the drawing that goes away by itself. */
    note(what) {
      this.message.textContent = what;
      this.message.classList.add("shown");
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.message.classList.remove("shown"), NOTE_MS);
    }
  }

  /* The numbers of one organ in every body, as a table. */
  function organCard(root, text, organ, state, rows) {
    const names = state.arms.map((arm) => (text.has(`arm.${arm.name}`) ? text(`arm.${arm.name}`) : arm.name));
    const wanted = `${organ} ${names.join("|")} ${text.language}`;
    if (root.dataset.shows !== wanted) {
      root.dataset.shows = wanted;
      root.replaceChildren();
      make("h3", "", root, text(`organ.${organ}`));
      make("p", "", root, text(`organ.${organ}.about`));
      const table = make("table", "", root), head = make("tr", "", make("thead", "", table));
      make("td", "", head);
      names.forEach((name, i) => {
        const column = make("th", "", head, names.length > 1 ? undefined : name);
        column.scope = "col";
        if (names.length > 1) letter(column, i).setAttribute("title", name);
      });
      const body = make("tbody", "", table);
      for (const row of [...rows, "soil", "shedding"]) {
        const line = make("tr", "", body);
        line.dataset.row = row;
        make("th", "", line, text(`count.${row}`)).scope = "row";
        for (const name of names) make("td", "", line, "").dataset.arm = name;
      }
    }
    for (const line of root.querySelectorAll("tr[data-row]")) {
      state.arms.forEach((arm, i) => {
        const cell = line.querySelectorAll("td")[i], row = line.dataset.row;
        const factor = { soil: arm.receptivity[organ], shedding: arm.primaryLog10Cells > 0 ? arm.shedding : 0 }[row];
        const shown = factor !== undefined ? `\u00d7 ${numbers(text, factor, 2)}` : counted(text, arm.counts[organ][row]);
        if (cell.textContent !== shown) cell.textContent = shown;
      });
    }
  }

  Object.assign(window.Seeding, { BodyPanel, organCard });
})();
