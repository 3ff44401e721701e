/* The legend: what the signs mean, with the film's own scales. */
(() => {
  "use strict";
  const { make, numbers, counted } = window.Seeding;
  const SVG = "http://www.w3.org/2000/svg";
  const LEGEND_SIZES = [0, 3, 6, 9];

  function picture(parent, draw, width = 34, height = 26) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" })) svg.setAttribute(key, value);
    svg.innerHTML = draw(width / 2, height / 2);
    parent.appendChild(svg);
  }

  function titled(root, title) {
    root.replaceChildren();
    root.setAttribute("aria-label", title);
    make("h3", "", root, title);
    return make("ul", "", root);
  }

  function entry(list, label, draw) {
    const item = make("li", "", list);
    picture(item, draw);
    make("span", "", item, label);
  }

  /* The cells: their signs, and how an area shows their number. */
  function cellsLegend(root, text, head) {
    const { COLOURS, radius } = window.Seeding;
    const list = titled(root, text("legend.title"));
    const cell = (key, draw, values) => entry(list, text(key, values), draw);
    const per = head ? { cells: counted(text, head.cells_per_traveller) } : { cells: "\u2026" };
    cell("legend.traveller", (x, y) => `<circle cx="${x}" cy="${y}" r="2.6" fill="${COLOURS.traveller}"/>`, per);
    cell("legend.arriving", (x, y) => `<circle cx="${x}" cy="${y}" r="4.5" fill="none" stroke="${COLOURS.seed}" stroke-width="2.4"/>`);
    cell("legend.asleep", (x, y) => `<circle cx="${x}" cy="${y}" r="4.5" fill="none" stroke="${COLOURS.asleep}" stroke-width="2"/>`);
    cell("legend.awake", (x, y) => `<circle cx="${x}" cy="${y}" r="4.8" fill="${COLOURS.awake}"/>`);
    cell("legend.metastasis", (x, y) => `<circle cx="${x}" cy="${y}" r="9" fill="${COLOURS.metastasis}"/>`);
    cell("legend.visible", (x, y) => `<circle cx="${x}" cy="${y}" r="10" fill="${COLOURS.metastasis}" stroke="${COLOURS.visible}" stroke-width="2"/><circle cx="${x}" cy="${y}" r="8" fill="none" stroke="#fff" stroke-width="1.5"/>`);
    cell("legend.cleared", (x, y) => `<path d="M${x - 4} ${y - 4}l8 8m0-8l-8 8" stroke="${COLOURS.cleared}" stroke-width="2"/>`);
    cell("legend.primary", (x, y) => `<circle cx="${x}" cy="${y}" r="9" fill="${COLOURS.primary}" stroke="${COLOURS.primaryEdge}" stroke-width="1.5"/>`);
    make("p", "sp-scale-title", root, text("legend.scale"));
    const scale = make("p", "sp-scale", root);
    for (const size of LEGEND_SIZES) {
      const sample = make("span", "sp-sample", scale);
      picture(sample, (x, y) => `<circle cx="${x}" cy="${y}" r="${radius(size)}" fill="${COLOURS.awake}"/>`, 30, 30);
      make("span", "", sample, text(`legend.size_${size}`));
    }
  }

  /* Everything else: organs, vessels, the time line. */
  function signsLegend(root, text, head) {
    const { COLOURS } = window.Seeding;
    const list = titled(root, text("legend.signs"));
    const sign = (key, draw) => entry(list, text(key), draw);
    sign("legend.glow", (x, y) => `<rect x="${x - 12}" y="${y - 8}" width="24" height="16" rx="8" class="sp-glow-sample"/>`);
    sign("legend.barren", (x, y) => `<rect x="${x - 12}" y="${y - 8}" width="24" height="16" rx="8" class="sp-barren-sample"/>`);
    for (const kind of ["artery", "vein", "portal"]) sign(`legend.${kind}`, (x, y) => `<path class="vessel ${kind}" d="M3 ${y}H${2 * x - 3}"/>`);
    if (head && head.arms.some((arm) => arm.mechanisms.senescent_vesicles)) {
      sign("legend.message", (x, y) => `<path d="M${x - 11} ${y - 2}h4v4h-4zm9 0h4v4h-4zm9 0h4v4h-4z" fill="${COLOURS.message}"/>`);
    }
    for (const kind of ["diagnosis", "first_visible", "treatment", "death"]) {
      if (head && !head.arms[0].events.some((event) => event.kind === kind)) continue;
      const item = make("li", "", list);
      make("span", `sp-mark sp-mark-${kind}`, item);
      make("span", "", item, text(`legend.mark_${kind}`));
    }
    const one = !head || head.cells_per_dot === 1;
    make("p", "sp-dot-scale", root, one ? text("legend.one") : text(head.metastases_per_dot === 1 ? "legend.sample_cells" : "legend.sample", {
      cells: numbers(text, head.cells_per_dot), metastases: numbers(text, head.metastases_per_dot) }));
    make("p", "sp-dot-scale", root, text("legend.time"));
  }

  Object.assign(window.Seeding, { cellsLegend, signsLegend });
})();
