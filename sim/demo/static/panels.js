/* The parts around the drawing: one body's panel, the controls, the legend, the numbers of an organ. */
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const LEGEND_SIZES = [0, 3, 6, 9];
  const NOTE_MS = 4000;

  function make(name, className, parent, content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    if (parent) parent.appendChild(made);
    return made;
  }

  function numbers(text, value, digits = 0) {
    return value.toLocaleString(text.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  const ICONS = {
    play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM14 5h4v14h-4z", back: "M17 5v14l-9-7zM5 5h2v14H5z",
    forward: "M7 5v14l9-7zM17 5h2v14h-2z", start: "M20 5v14l-7-7zM13 5v14l-7-7zM4 5h2v14H4z",
  };

  function icon(name) {
    return `<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path fill="currentColor" d="${ICONS[name]}"/></svg>`;
  }

  /* The bodies are called A and B, in the colours of their curves. */
  function letter(parent, number) {
    return make("span", `sp-letter sp-letter-${number}`, parent, String.fromCharCode(65 + number));
  }

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

  /* Play, step, speed and the time line with its events. */
  class Controls {
    constructor(player, parent, speeds) {
      const { text } = player;
      this.player = player; this.speeds = speeds;
      this.root = make("div", "sp-controls", parent);
      this.root.setAttribute("role", "group");
      this.root.setAttribute("aria-label", text("player.controls"));
      const button = (name, sign, act) => {
        const made = make("button", `sp-button sp-${name}`, this.root);
        made.innerHTML = icon(sign);
        made.type = "button";
        made.setAttribute("aria-label", text(`player.${name}`));
        made.title = text(`player.${name}`);
        made.addEventListener("click", act);
        return made;
      };
      this.start = button("to_start", "start", () => { player.pause(); player.seek(player.firstDay); });
      this.back = button("step_back", "back", () => player.step(-1));
      this.playButton = button("play", "play", () => player.toggle());
      this.forward = button("step_forward", "forward", () => player.step(1));
      const line = make("div", "sp-line", this.root);
      this.marks = make("div", "sp-marks", line);
      this.marks.setAttribute("aria-hidden", "true");
      this.range = make("input", "sp-range", line);
      Object.assign(this.range, { type: "range", min: 0, max: 1, step: 1, value: 0 });
      this.range.setAttribute("aria-label", text("player.timeline"));
      this.range.addEventListener("input", () => { player.pause(); player.seek(Number(this.range.value)); });
      const label = make("label", "sp-speed", this.root);
      make("span", "", label, text("player.speed"));
      this.select = make("select", "", label);
      speeds.forEach((speed, i) => this.select.append(new Option(text(`player.speed_${i + 1}`), speed)));
      this.select.addEventListener("change", () => player.setSpeed(Number(this.select.value)));
      this.show();
    }

    open(film) {
      this.range.max = Math.round(this.player.lastDay);
      this.range.min = Math.round(this.player.firstDay);
      this.range.step = film.frameDays;
      this.marks.replaceChildren();
      const span = this.player.lastDay - this.player.firstDay || 1;
      for (const event of film.arms[0].events) {
        if (!["diagnosis", "first_visible", "death", "treatment"].includes(event.kind)) continue;
        const mark = make("span", `sp-mark sp-mark-${event.kind}`, this.marks);
        mark.style.left = `${100 * (event.day - this.player.firstDay) / span}%`;
        mark.title = this.player.eventText(event);
      }
      this.show();
    }

    show() {
      const { player } = this, { text } = player, name = player.playing ? "pause" : "play";
      if (this.playButton.dataset.shows !== name) this.playButton.innerHTML = icon(name);
      this.playButton.dataset.shows = name;
      this.playButton.setAttribute("aria-label", text(`player.${name}`));
      this.playButton.title = text(`player.${name}`);
      const nearest = this.speeds.reduce((a, b) => (Math.abs(b - player.speed) < Math.abs(a - player.speed) ? b : a));
      this.select.value = String(nearest);
      this.showDay();
    }

    showDay() {
      this.range.value = Math.round(this.player.day);
      const said = this.player.film ? this.player.clockText() : "";
      this.range.setAttribute("aria-valuetext", said);
      const span = this.range.max - this.range.min || 1;
      this.range.style.setProperty("--done", `${100 * (this.player.day - this.range.min) / span}%`);
    }
  }

  /* A count for the table: exact while it can be read, in words when it is huge. */
  function counted(text, value) {
    return value < 1e6 ? numbers(text, value) : value.toLocaleString(text.language, { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 3 });
  }

  function picture(parent, draw, width = 34, height = 26) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" })) svg.setAttribute(key, value);
    svg.innerHTML = draw(width / 2, height / 2);
    parent.appendChild(svg);
  }

  /* What the signs mean, with the film's own scales. */
  function legend(root, text, head) {
    const { COLOURS, radius } = window.Seeding;
    root.replaceChildren();
    const title = make("h3", "", root, text("legend.title"));
    title.id = `sp-legend-${Math.random().toString(36).slice(2)}`;
    root.setAttribute("aria-labelledby", title.id);
    const list = make("ul", "", root);
    const entry = (key, draw, values) => {
      const item = make("li", "", list);
      picture(item, draw);
      make("span", "", item, text(key, values));
    };
    const per = head ? { cells: counted(text, head.cells_per_traveller) } : { cells: "\u2026" };
    entry("legend.traveller", (x, y) => `<circle cx="${x}" cy="${y}" r="2.6" fill="${COLOURS.traveller}"/>`, per);
    entry("legend.arriving", (x, y) => `<circle cx="${x}" cy="${y}" r="4.5" fill="none" stroke="${COLOURS.seed}" stroke-width="2.4"/>`);
    entry("legend.asleep", (x, y) => `<circle cx="${x}" cy="${y}" r="4.5" fill="none" stroke="${COLOURS.asleep}" stroke-width="2"/>`);
    entry("legend.awake", (x, y) => `<circle cx="${x}" cy="${y}" r="4.8" fill="${COLOURS.awake}"/>`);
    entry("legend.metastasis", (x, y) => `<circle cx="${x}" cy="${y}" r="9" fill="${COLOURS.metastasis}"/>`);
    entry("legend.visible", (x, y) => `<circle cx="${x}" cy="${y}" r="10" fill="${COLOURS.metastasis}" stroke="${COLOURS.visible}" stroke-width="2"/><circle cx="${x}" cy="${y}" r="8" fill="none" stroke="#fff" stroke-width="1.5"/>`);
    entry("legend.cleared", (x, y) => `<path d="M${x - 4} ${y - 4}l8 8m0-8l-8 8" stroke="${COLOURS.cleared}" stroke-width="2"/>`);
    entry("legend.primary", (x, y) => `<circle cx="${x}" cy="${y}" r="9" fill="${COLOURS.primary}" stroke="${COLOURS.primaryEdge}" stroke-width="1.5"/>`);
    if (head && head.arms.some((arm) => arm.mechanisms.senescent_vesicles)) {
      entry("legend.message", (x, y) => `<path d="M${x - 11} ${y - 2}h4v4h-4zm9 0h4v4h-4zm9 0h4v4h-4z" fill="${COLOURS.message}"/>`);
    }
    entry("legend.glow", (x, y) => `<rect x="${x - 12}" y="${y - 8}" width="24" height="16" rx="8" class="sp-glow-sample"/>`);
    entry("legend.barren", (x, y) => `<rect x="${x - 12}" y="${y - 8}" width="24" height="16" rx="8" class="sp-barren-sample"/>`);
    const blood = make("ul", "sp-legend-blood", root);
    for (const kind of ["artery", "vein", "portal"]) {
      const item = make("li", "", blood);
      picture(item, (x, y) => `<path class="vessel ${kind}" d="M3 ${y}H${2 * x - 3}"/>`);
      make("span", "", item, text(`legend.${kind}`));
    }
    const marks = make("ul", "sp-legend-marks", root);
    for (const kind of ["diagnosis", "first_visible", "treatment", "death"]) {
      if (head && !head.arms[0].events.some((event) => event.kind === kind)) continue;
      const item = make("li", "", marks);
      make("span", `sp-mark sp-mark-${kind}`, item);
      make("span", "", item, text(`legend.mark_${kind}`));
    }
    const scale = make("p", "sp-scale", root);
    make("span", "", scale, text("legend.scale"));
    for (const size of LEGEND_SIZES) {
      const sample = make("span", "sp-sample", scale);
      picture(sample, (x, y) => `<circle cx="${x}" cy="${y}" r="${radius(size)}" fill="${COLOURS.awake}"/>`, 30, 30);
      make("span", "", sample, text(`legend.size_${size}`));
    }
    const one = !head || head.cells_per_dot === 1;
    make("p", "sp-dot-scale", root, one ? text("legend.one") : text(head.metastases_per_dot === 1 ? "legend.sample_cells" : "legend.sample", {
      cells: numbers(text, head.cells_per_dot), metastases: numbers(text, head.metastases_per_dot) }));
    make("p", "sp-dot-scale", root, text("legend.time"));
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

  Object.assign(window.Seeding, { make, numbers, BodyPanel, Controls, legend, organCard });
})();
