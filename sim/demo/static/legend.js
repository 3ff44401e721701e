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

  Object.assign(window.Seeding, { legend });
})();
