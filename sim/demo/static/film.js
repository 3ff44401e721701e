/* A film as it was recorded: what it says about a day. It decodes; it computes nothing of its own.
 *
 * Times are days from the first cancer cell. The format is described in docs/film.md.
 */
(() => {
  "use strict";
  const QUANTITIES = ["asleep", "awake", "micrometastasis", "macrometastasis", "settled", "cleared", "arrested"];
  const NEVER = Infinity;

  /* Index of the last step that begins at or before a frame, or -1. */
  function stepAt(steps, frame) {
    let low = -1, high = steps.length / 2;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (steps[2 * middle] <= frame) low = middle; else high = middle;
    }
    return low;
  }

  function valueAt(steps, frame, before = 0) {
    const i = stepAt(steps, frame);
    return i < 0 ? before : steps[2 * i + 1];
  }

  class Film {
    constructor(film) {
      this.head = film;
      this.organs = film.organs;
      this.frameDays = film.frame_days;
      this.loadedFrames = 0;
      this.arms = film.arms.map((arm) => ({
        ...arm, counts: null, receptivity: film.organs.map(() => []), shedding: [], shed: [], died_in_transit: [],
        primary_log10_cells: [], dots: [],
      }));
      this.lastDay = Math.max(...film.arms.map((arm) => arm.last_day));
      if (film.arms[0].counts) this.append({ from: 0, to: film.frames, arms: film.arms });
    }

    /* Add a part of kind "frames". Returns the new dots by arm. */
    append(part) {
      this.loadedFrames = part.to;
      return part.arms.map((more, number) => {
        const arm = this.arms[number];
        arm.counts = arm.counts || Object.fromEntries(QUANTITIES.map((name) => [name, this.organs.map(() => [])]));
        for (const name of QUANTITIES) more.counts[name].forEach((steps, organ) => arm.counts[name][organ].push(...steps));
        more.receptivity.forEach((steps, organ) => arm.receptivity[organ].push(...steps));
        for (const name of ["shedding", "shed", "died_in_transit", "primary_log10_cells"]) arm[name].push(...more[name]);
        const fresh = this.readDots(more.dots);
        arm.dots.push(...fresh);
        return fresh;
      });
    }

    /* What happens on a day is seen on the next morning, as in the counts. */
    readDots(columns) {
      return columns.arrived.map((day, i) => ({
        organ: this.organs[columns.organ[i]], source: columns.source[i], place: columns.place[i], day, arrived: day + 1,
        woke: columns.woke[i] < 0 ? NEVER : day + 1 + columns.woke[i],
        ended: columns.ended[i] < 0 ? NEVER : day + 1 + columns.ended[i],
        metastasis: Boolean(columns.metastasis[i]), sizes: columns.sizes[i],
      }));
    }

    /* The last day that can be shown with what has come so far. */
    get loadedDay() {
      return this.loadedFrames >= this.head.frames ? this.lastDay : Math.max(0, (this.loadedFrames - 1) * this.frameDays);
    }

    /* The frame whose state a day shows; a patient's last day has a frame of its own. */
    frame(arm, day) {
      return Math.floor(day / this.frameDays) + (day >= arm.last_day ? 1 : 0);
    }

    counts(arm, day) {
      const frame = this.frame(arm, day), out = {};
      this.organs.forEach((organ, i) => {
        out[organ] = {};
        for (const name of QUANTITIES) out[organ][name] = arm.counts ? valueAt(arm.counts[name][i], frame) : 0;
      });
      return out;
    }

    receptivity(arm, organ, day) {
      return valueAt(arm.receptivity[this.organs.indexOf(organ)], this.frame(arm, day), 1);
    }

    value(arm, name, day) { return valueAt(arm[name], this.frame(arm, day), name === "shedding" ? 1 : 0); }

    /* Cells shed until a day, between frames in proportion to time. */
    shedUntil(arm, day) {
      const steps = arm.shed, frame = Math.min(day, arm.last_day) / this.frameDays, i = stepAt(steps, frame);
      if (i < 0) return 0;
      const [before, now] = [i > 0 ? steps[2 * i - 1] : 0, steps[2 * i + 1]];
      return before + (now - before) * Math.min(frame - steps[2 * i], 1);
    }

    /* log10 of a dot's cells on a day. */
    size(dot, day) {
      const steps = dot.sizes, since = day - dot.day, i = stepAt(steps, since);
      const start = dot.woke - dot.day;
      if (i < 0) return steps.length && since > start ? steps[1] * (since - start) / Math.max(steps[0] - start, 1) : 0;
      if (2 * i + 3 >= steps.length) return steps[2 * i + 1];
      const part = (since - steps[2 * i]) / (steps[2 * i + 2] - steps[2 * i]);
      return steps[2 * i + 1] + (steps[2 * i + 3] - steps[2 * i + 1]) * part;
    }
  }

  /* A catalogue of texts as a function: text(key, values) with {placeholders} filled in. */
  function texts(catalogue) {
    const text = (key, values = {}) => {
      const found = catalogue[key];
      if (found === undefined) throw new Error(`no text for ${key}`);
      return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
    };
    text.has = (key) => key in catalogue;
    text.language = catalogue["language.code"];
    return text;
  }

  Object.assign(window.Seeding, { Film, texts, QUANTITIES });
})();
