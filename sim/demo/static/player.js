/* The player: bodies side by side on one clock, with controls, a legend and the numbers of an organ.
 *
 * See docs/film.md. It shows what the film says and asks nothing of a network.
 */
(() => {
  "use strict";
  const { Film, Geometry, BodyView, make, numbers } = window.Seeding;
  const YEAR = 365.25;
  const SPEEDS = [30, 120, 365, 1000]; // days a second
  const TEXT_EVERY_MS = 120;
  const SLOW = 15, SLOW_SECONDS = 2; // updates a second; for so long in a row, and the flow is left out
  const NARROW = 340; // pixels that a body has: below, labels are left out and the drawing is cropped
  const LABEL = { units: 18, rem: 0.8 }; // size of the labels in the drawing, and their smallest on the screen
  const WIDE_BOX = [14, 0, 646, 716], NARROW_BOX = [120, 0, 400, 716];
  const MOST_NOTES = 2; // events of one moment over a drawing, such as diagnosis and surgery; screen readers are told all
  const TILES = ["asleep", "awake", "micrometastasis", "macrometastasis"];
  const ROWS = [...TILES, "settled", "cleared", "arrested"];
  let geometry = null;

  class Player {
    constructor(element, { text, film = null, reducedMotion, controls = true, speed = SPEEDS[1], organ = "liver" }) {
      this.text = text; this.speed = speed; this.day = 0; this.playing = false; this.listeners = new Map();
      this.organ = organ; this.film = null; this.bodies = []; this.updatesPerSecond = 0; this.flowing = true; this.flowSeconds = 0; this.withControls = controls;
      this.motion = window.matchMedia("(prefers-reduced-motion: reduce)");
      this.reducedMotion = reducedMotion;
      this.root = make("div", "seeding-player", element);
      this.watcher = new ResizeObserver(() => this.resize());
      this.tick = this.tick.bind(this);
      this.onKey = this.onKey.bind(this);
      this.root.addEventListener("keydown", this.onKey);
      this.onSeen = () => this.measure(); // a hidden page is not drawn: that says nothing about the machine
      document.addEventListener("visibilitychange", this.onSeen);
      this.build();
      if (film) this.load(film);
    }

    get still() { return this.reducedMotion === undefined ? this.motion.matches : this.reducedMotion; }
    get lastDay() { return this.film ? this.film.lastDay : 0; }
    /* A little before the first cell; also while the film is still on its way. */
    get firstDay() { return this.film ? Math.max(0, Math.min(this.film.head.first_day, this.lastDay) - 180) : 0; }
    get loadedDay() { return this.film ? this.film.loadedDay : 0; }

    on(name, callback) {
      if (!this.listeners.has(name)) this.listeners.set(name, new Set());
      this.listeners.get(name).add(callback);
      return () => this.listeners.get(name).delete(callback);
    }

    emit(name, value) { for (const callback of this.listeners.get(name) || []) callback(value); }

    // -- what is on the page ----------------------------------------------------------------------

    build() {
      const { root, text } = this;
      root.replaceChildren();
      root.setAttribute("role", "region");
      root.setAttribute("aria-label", text("player.region"));
      const grid = make("div", "sp-grid", root), main = make("div", "sp-main", grid);
      this.stage = make("div", "sp-bodies", main);
      if (this.withControls) this.controls = new window.Seeding.Controls(this, main, SPEEDS);
      this.clock = this.controls ? this.controls.clock : make("p", "sp-clock", main);
      this.card = make("section", "sp-card", grid);
      this.legends = [make("section", "sp-legend sp-legend-cells", grid), make("section", "sp-legend sp-legend-signs", grid)];
      this.announcer = make("p", "sp-hidden", root);
      this.announcer.setAttribute("aria-live", "polite");
      this.showLegend();
    }

    showLegend() {
      const { text } = this, head = this.film ? this.film.head : null, [cells, signs] = this.legends;
      window.Seeding.cellsLegend(cells, text, head);
      window.Seeding.signsLegend(signs, text, head);
    }

    load(film) {
      this.pause();
      this.film = new Film(film);
      this.day = this.firstDay;
      this.announced = this.day;
      this.buildBodies();
    }

    buildBodies() {
      const { text, film } = this;
      this.showLegend();
      this.stage.replaceChildren();
      this.watcher.disconnect();
      this.stage.dataset.bodies = film.arms.length;
      this.bodies = film.arms.map((arm, i) => new window.Seeding.BodyPanel(this, arm, this.stage, film.arms.length > 1 ? i : null));
      geometry = geometry || Geometry.ofDrawing();
      for (const body of this.bodies) {
        body.view = new BodyView(body.canvas, geometry);
        body.view.open(film, body.arm);
        this.watcher.observe(body.root);
      }
      if (this.controls) this.controls.open(film);
      this.select(this.organ);
      this.resize();
    }

    /* No film: another one was asked for, and this one would not answer it. */
    clear() {
      this.pause();
      this.watcher.disconnect();
      this.film = null; this.bodies = []; this.day = 0;
      for (const part of [this.stage, this.card]) part.replaceChildren();
      delete this.card.dataset.shows;
      this.showLegend();
      this.clock.textContent = "";
      if (this.controls) this.controls.open(null);
    }

    append(part) {
      const fresh = this.film.append(part);
      fresh.forEach((dots, i) => this.bodies[i].view.addDots(dots));
      if (this.controls) this.controls.show();
      this.draw(true);
    }

    setText(text) {
      this.text = text;
      this.build();
      if (this.film) this.buildBodies();
    }

    destroy() {
      this.pause();
      this.watcher.disconnect();
      document.removeEventListener("visibilitychange", this.onSeen);
      this.root.remove();
    }

    resize() {
      const letter = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
      for (const body of this.bodies) {
        const narrow = body.root.clientWidth < NARROW, box = narrow ? NARROW_BOX : WIDE_BOX;
        body.frame.style.setProperty("--shape", box[2] / box[3]);
        const width = body.frame.clientWidth;
        if (!width) continue;
        body.svg.setAttribute("viewBox", box.join(" "));
        body.svg.style.setProperty("--label", `${Math.max(LABEL.units, LABEL.rem * letter * box[2] / width)}px`);
        body.root.classList.toggle("sp-narrow", narrow);
        body.view.resize(body.frame.clientWidth, body.frame.clientWidth * box[3] / box[2], box, Math.min(window.devicePixelRatio || 1, 2));
      }
      this.draw(true);
    }

    // -- time -------------------------------------------------------------------------------------

    play() {
      if (this.playing || !this.film) return;
      if (this.day >= this.lastDay) this.announced = this.day = this.firstDay;
      this.playing = true; this.last = null; this.flowing = true;
      this.measure();
      this.root.classList.add("sp-playing");
      if (this.controls) this.controls.show();
      this.emit("play", this.day);
      this.frame = requestAnimationFrame(this.tick);
    }

    pause() {
      if (!this.playing) return;
      cancelAnimationFrame(this.frame); // played again within a frame: one loop is enough
      this.draw(true); // still playing: what happened since the last words is told, the end most of all
      this.playing = false;
      this.root.classList.remove("sp-playing");
      if (this.controls) this.controls.show();
      this.emit("pause", this.day);
    }

    toggle() { if (this.playing) this.pause(); else this.play(); }
    step(frames) {
      this.pause();
      if (this.film) this.seek(Math.max((Math.floor(this.day / this.film.frameDays) + frames) * this.film.frameDays, Math.min(this.day, this.firstDay)));
    }

    setSpeed(daysPerSecond) { this.speed = daysPerSecond; if (this.controls) this.controls.show(); this.draw(true); }

    seek(day) {
      if (!this.film) return;
      this.day = Math.min(Math.max(day, 0), Math.max(this.loadedDay, this.firstDay));
      this.announced = this.day;
      this.draw(true);
    }

    tick(now) {
      this.frame = requestAnimationFrame(this.tick);
      // Browsers may give two frames the same moment: that is a frame without a step, not an end.
      const seconds = this.last === null ? 0 : Math.min((now - this.last) / 1000, 0.25);
      this.last = now;
      // What has not come yet is waited for: time never runs back.
      this.day = Math.max(this.day, Math.min(this.day + seconds * this.speed, this.loadedDay));
      this.measured.frames++;
      if (now - this.measured.from >= 1000) {
        this.updatesPerSecond = 1000 * this.measured.frames / (now - this.measured.from);
        this.measure(now, this.updatesPerSecond < SLOW ? this.measured.slow + 1 : 0);
        if (this.measured.slow >= SLOW_SECONDS) this.flowing = false; // a slow machine shows cells rather than flow
      }
      if (!this.still) this.flowSeconds += seconds;
      this.draw(false, now);
      if (this.day >= this.lastDay) { this.pause(); this.emit("end", this.day); }
    }

    /* Count the frames of the next second, after so many slow ones in a row. */
    measure(from = performance.now(), slow = 0) { this.measured = { from, frames: 0, slow }; }

    // -- drawing ----------------------------------------------------------------------------------

    draw(atOnce, now = performance.now()) {
      if (!this.film || !this.bodies.length) return;
      const flow = this.flowing ? this.flowSeconds : null;
      for (const body of this.bodies) body.drawn = body.view.draw(this.day, this.speed, this.still, flow);
      if (atOnce || now - (this.written || 0) >= TEXT_EVERY_MS) {
        this.written = now;
        this.write();
      }
    }

    write() {
      const state = this.state();
      state.arms.forEach((arm, i) => this.bodies[i].show(arm, state.day));
      this.clock.textContent = this.clockText();
      if (this.controls) this.controls.showDay();
      this.showCard(state);
      this.announce();
      this.emit("frame", state);
    }

    clockText() {
      const { text, film } = this, since = (this.day - film.arms[0].diagnosis_day) / YEAR;
      const years = numbers(text, this.day / YEAR, 1);
      const key = Math.abs(since) < 0.02 ? "at_diagnosis" : since < 0 ? "before_diagnosis" : "after_diagnosis";
      return text("player.clock", { years, diagnosis: text(`player.${key}`, { years: numbers(text, Math.abs(since), 1) }) });
    }

    /* Everything that is shown, as numbers: {day, arms: [...]}. */
    state() {
      const { film, day } = this;
      return {
        day,
        arms: film.arms.map((arm) => {
          const at = Math.min(day, arm.last_day), counts = film.counts(arm, at);
          const totals = Object.fromEntries(ROWS.map((name) => [name, film.organs.reduce((sum, organ) => sum + counts[organ][name], 0)]));
          return {
            name: arm.name, alive: arm.death_day === null || day < arm.death_day, over: day >= arm.last_day, counts, totals,
            shed: film.value(arm, "shed", at), shedding: film.value(arm, "shedding", at),
            primaryLog10Cells: film.value(arm, "primary_log10_cells", at),
            receptivity: Object.fromEntries(film.organs.map((organ) => [organ, film.receptivity(arm, organ, at)])),
          };
        }),
      };
    }

    select(organ) {
      this.organ = organ;
      for (const body of this.bodies) body.select(organ);
      if (this.film) this.showCard(this.state());
      this.emit("organ", organ);
    }

    showCard(state) { window.Seeding.organCard(this.card, this.text, this.organ, state, ROWS); }

    /* Tell what happened since the last time, in words: for those who do not see it, and for the page. */
    announce() {
      if (!this.playing) return;
      const said = [];
      for (const [i, arm] of this.film.arms.entries()) {
        const events = arm.events.filter((event) => event.day > this.announced && event.day <= this.day);
        const told = events.map((event) => this.eventText(event));
        if (told.length) {
          said.push(this.film.arms.length > 1 ? `${this.bodies[i].title}: ${told.join("; ")}` : told.join("; "));
          this.bodies[i].note(told.slice(-MOST_NOTES).join(" \u00b7 "));
        }
        events.forEach((event, k) => this.emit("event", { ...event, arm: i, text: told[k] }));
      }
      if (said.length) this.announcer.textContent = said.join(". ");
      this.announced = this.day;
    }

    eventText(event) {
      const named = (block, name) => (this.text.has(`${block}.${name}`) ? this.text(`${block}.${name}`) : (name || "").replace(/_/g, " "));
      return this.text(`event.${event.kind}`, { organ: named("organ", event.organ), treatment: named("treatment", event.treatment) });
    }

    onKey(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const on = event.target.tagName, inBody = event.target.closest("[data-organ]");
      if (event.key === " " && !["BUTTON", "SELECT", "INPUT", "SUMMARY"].includes(on)) { event.preventDefault(); this.toggle(); return; }
      if (inBody || ["SELECT", "INPUT"].includes(on)) return;
      const jump = { ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), Home: () => this.seek(this.firstDay), End: () => this.seek(this.lastDay) }[event.key];
      if (jump) { event.preventDefault(); jump(); }
    }
  }

  Object.assign(window.Seeding, { Player, TILES });
})();
