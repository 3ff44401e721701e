/* Seeding curves of a paired cohort, drawn as SVG from the data of sim/demo/cohort.py.
 *
 *   const curves = new Seeding.Curves(element, {text, arms: ["with", "without"], organ: "all", onOrgan(name) {}});
 *   curves.update(data);      // as often as new data comes; null empties it
 *   curves.setArms([...]); curves.setText(text);
 *
 * `text(key, values)` gives a text of the catalogue with {placeholders} filled in (`Seeding.texts`). Two panels: the share of
 * patients with a visible metastasis (95 % band), and sleeping cells a patient (median, quartiles). No second
 * model here: every number comes from the engine. A plain script, so that the handout can hold it inline.
 */
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const YEAR = 365.25;
  const PAD = { left: 52, right: 14, top: 26, bottom: 40 }; // at a letter's usual size; all grow with it
  const HEIGHT = 250, LETTER = 16;
  const POWERS = [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7];
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25];

  function node(name, attributes, parent, content) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (content !== undefined) made.textContent = content;
    if (parent) parent.appendChild(made);
    return made;
  }

  function html(name, className, parent, content) {
    const made = document.createElement(name);
    made.className = className;
    if (content !== undefined) made.textContent = content;
    parent.appendChild(made);
    return made;
  }

  /* A line through points; a null breaks it. `step` holds each value until the next. */
  function line(points, step) {
    let path = "", open = false, last = null;
    for (const [x, y] of points) {
      if (y === null) { open = false; continue; }
      path += open ? (step ? `H${x}V${y}` : `L${x},${y}`) : `M${x},${y}`;
      open = true; last = x;
    }
    return last === null ? "" : path;
  }

  function band(xs, lows, highs, y, step) {
    const up = [], down = [];
    xs.forEach((x, i) => {
      if (lows[i] === null || highs[i] === null) return;
      if (step && up.length) { up.push([x, up[up.length - 1][1]]); down.push([x, down[down.length - 1][1]]); }
      up.push([x, y(highs[i])]); down.push([x, y(lows[i])]);
    });
    if (!up.length) return "";
    return "M" + up.concat(down.reverse()).map((p) => p.join(",")).join("L") + "Z";
  }

  /* Round shares for an axis that reaches at least `most`: four or five of them. */
  function shares(most) {
    const step = STEPS.find((s) => most <= 5 * s) || 0.25, ticks = [];
    for (let i = 0; i < 2 || (i - 1) * step < Math.min(most, 1) - 1e-9; i++) ticks.push(i * step);
    return ticks;
  }

  class Curves {
    constructor(element, { text, arms = [], organ = "all", onOrgan = () => {} }) {
      this.text = text; this.arms = arms; this.organ = organ; this.onOrgan = onOrgan; this.data = null;
      element.classList.add("curves");
      const head = html("div", "curves-head", element);
      this.key = html("div", "curves-key", head);
      this.label = html("label", "curves-organ", head, this.text("curves.organ") + " ");
      this.select = html("select", "", this.label);
      this.select.addEventListener("change", () => { this.organ = this.select.value; this.onOrgan(this.organ); this.draw(); });
      this.sentence = html("p", "curves-sentence", element);
      this.sentence.setAttribute("aria-live", "polite");
      this.panels = html("div", "curves-panels", element);
      this.found = html("figure", "curves-panel", this.panels);
      this.sleeping = html("figure", "curves-panel", this.panels);
      this.watcher = new ResizeObserver(() => this.draw());
      this.watcher.observe(this.panels);
      this.update(null);
    }

    setText(text) { this.text = text; this.label.firstChild.textContent = this.text("curves.organ") + " "; this.draw(); }

    setArms(arms) { this.arms = arms; this.draw(); }

    setOrgan(organ) { this.organ = organ; this.update(this.data); }

    update(data) {
      this.data = data;
      const organs = data ? data.organs : ["all"];
      const wanted = organs.includes(this.organ) ? organs : [...organs, this.organ];
      const have = [...this.select.options].map((option) => option.value);
      if (have.join() !== wanted.join() || !have.length) {
        this.select.replaceChildren(...wanted.map((organ) => new Option(this.text(`organ.${organ}`), organ)));
      }
      this.select.value = this.organ;
      this.draw();
    }

    /* What the class reads: the paired difference in one sentence, or what is still missing. */
    sentenceText() {
      const data = this.data;
      if (!data) return this.text("curves.waiting");
      const organ = this.text(`organ.${this.organ}`);
      const percent = (share) => (100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0);
      const pair = data.paired[this.organ];
      const values = { done: data.done, organ };
      if (data.arms.length < 2) {
        const found = data.arms[0].found[this.organ];
        const last = found ? found.share.length - 1 : 0;
        return this.text("curves.one", { ...values, share: found ? percent(found.share[last]) : "0" });
      }
      if (!pair || !(pair.share[0] || pair.share[1])) return this.text("curves.none", values);
      return this.text(pair.low <= 0 && pair.high >= 0 ? "curves.unclear" : "curves.paired", {
        ...values, first: percent(pair.share[0]), second: percent(pair.share[1]),
        ...this.points(pair),
        onlyA: pair.only[0], onlyB: pair.only[1],
      });
    }

    /* A difference and its interval in percentage points, all to the same decimal. */
    points({ difference, low, high }) {
      const digits = Math.max(Math.abs(low), Math.abs(high)) < 0.1 ? 1 : 0;
      const signed = (share) => {
        const points = (100 * share).toFixed(digits);
        return Number(points) > 0 ? `+${points}` : points.replace("-", Number(points) ? "\u2212" : "");
      };
      return { difference: signed(difference), low: signed(low), high: signed(high) };
    }

    draw() {
      this.sentence.textContent = this.sentenceText();
      this.key.replaceChildren();
      this.arms.forEach((name, i) => html("span", `curves-arm curves-arm-${i}`, this.key, name));
      this.panel(this.found, "found", "curves.found");
      this.panel(this.sleeping, "sleeping", "curves.sleeping");
    }

    panel(figure, quantity, title) {
      const width = Math.floor(figure.clientWidth), unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / LETTER || 1;
      const pad = Object.fromEntries(Object.entries(PAD).map(([side, value]) => [side, value * unit])), height = HEIGHT * unit;
      figure.replaceChildren();
      html("figcaption", "", figure, this.text(title));
      if (width < 120) return;
      const svg = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, figure);
      node("title", {}, svg, `${this.text(title)}. ${quantity === "found" ? this.sentenceText() : ""}`);
      const data = this.data, share = quantity === "found";
      const bottom = height - pad.bottom, right = width - pad.right;
      const lastDay = data ? Math.max(1, Math.ceil(data.days[data.days.length - 1] / YEAR - 0.2)) * YEAR : 5 * YEAR; // whole years
      const x = (day) => Math.round((pad.left + (right - pad.left) * day / lastDay) * 10) / 10;
      const series = data ? data.arms.map((arm) => arm[quantity][this.organ]).map((s) => s && (share
        ? { middle: s.share, low: s.low, high: s.high } : { middle: s.q50, low: s.q25, high: s.q75 })) : [];
      const most = series.some(Boolean) ? Math.max(share ? 0.05 : 10, ...series.filter(Boolean).flatMap((s) => s.high.map((v) => v ?? 0))) : share ? 1 : 1000;
      const ticks = share ? shares(most) : POWERS.filter((v) => v <= most), top = share ? ticks[ticks.length - 1] : Math.log1p(most);
      const scale = share ? (v) => v : (v) => Math.log1p(v);
      const y = (v) => Math.round((bottom - (bottom - pad.top) * Math.min(scale(v) / top, 1)) * 10) / 10;
      this.axes(svg, { x, y, right, bottom, lastDay, ticks, share, pad, unit });
      series.forEach((s, i) => s && node("path", { d: band(data.days.map(x), s.low, s.high, y, share), class: `curves-band curves-fill-${i}` }, svg));
      series.forEach((s, i) => s && node("path", {
        d: line(data.days.map((day, k) => [x(day), s.middle[k] === null ? null : y(s.middle[k])]), share),
        class: `curves-line curves-stroke-${i}`,
      }, svg));
    }

    axes(svg, { x, y, right, bottom, lastDay, ticks, share, pad, unit }) {
      const tick = (across, down, anchor, content) => node("text", { x: across, y: down, class: "curves-tick", "text-anchor": anchor }, svg, content);
      for (const value of ticks) {
        node("line", { x1: pad.left, x2: right, y1: y(value), y2: y(value), class: "curves-grid" }, svg);
        tick(pad.left - 6, y(value) + 4 * unit, "end", share ? `${Math.round(1000 * value) / 10} %` : value.toLocaleString(this.text.language));
      }
      tick(2, 13 * unit, "start", this.text(share ? "curves.found.axis" : "curves.sleeping.axis"));
      const years = lastDay / YEAR;
      const every = years <= 6 ? 1 : years <= 12 ? 2 : 5;
      for (let year = 0; year <= years + 1e-9; year += every) {
        node("line", { x1: x(year * YEAR), x2: x(year * YEAR), y1: bottom, y2: bottom + 5, class: "curves-axis" }, svg);
        tick(x(year * YEAR), bottom + 18 * unit, "middle", `${year}`);
      }
      node("line", { x1: pad.left, x2: right, y1: bottom, y2: bottom, class: "curves-axis" }, svg);
      tick((pad.left + right) / 2, bottom + 35 * unit, "middle", this.text("curves.years"));
    }
  }

  (globalThis.Seeding ??= {}).Curves = Curves;
})();
