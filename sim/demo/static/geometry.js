/* Where things are in the drawing: vessels as polylines, organs as sets of points, ways through the body.
 *
 * Everything is read from body.svg; all bodies share one geometry, in units of the drawing.
 */
(() => {
  "use strict";
  const STEP = 4;      // length of a polyline's pieces
  const SPACING = 4.2; // between the places of an organ
  const CENTRE = 320;
  const HEART = 306;   // height of the heart's chambers: above it blood returns by the upper vena cava
  const SITES = {      // where a primary sits
    colon: [352, 556], rectum: [320, 590], stomach: [388, 418], pancreas: [352, 446], breast: [392, 268], lung: [372, 262],
    prostate: [320, 604], kidney: [400, 506], ovary: [354, 584], uterus: [320, 584], cervix: [320, 596],
    thyroid: [334, 180], oesophagus: [322, 214], melanoma: [162, 356],
  };
  const PORTAL_BEDS = new Set(["spleen", "pancreas", "gut"]);
  const PAIRED = new Set(["lung", "kidney", "adrenal"]);
  const VESSEL_OF = { elsewhere: "rest" };

  /* A polyline with its length: at(share) gives the point that far along. */
  class Line {
    constructor(points) {
      this.points = points;
      this.lengths = [0];
      for (let i = 1; i < points.length; i++) {
        this.lengths.push(this.lengths[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
      }
      this.length = this.lengths[this.lengths.length - 1];
    }

    at(share) {
      const wanted = Math.min(Math.max(share, 0), 1) * this.length;
      let low = 0, high = this.lengths.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (this.lengths[middle] <= wanted) low = middle; else high = middle;
      }
      const [a, b] = [this.points[low], this.points[high]];
      const part = (wanted - this.lengths[low]) / (this.lengths[high] - this.lengths[low] || 1);
      return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
    }

    /* The rest of the line from its point nearest to `point`. */
    from(point) {
      let best = 0, least = Infinity;
      this.points.forEach(([x, y], i) => {
        const distance = Math.hypot(x - point[0], y - point[1]);
        if (distance < least) { least = distance; best = i; }
      });
      return this.points.slice(Math.min(best, this.points.length - 2));
    }
  }

  class Geometry {
    constructor(svg) {
      this.vessels = {};
      for (const path of svg.querySelectorAll("[data-vessel]")) {
        const length = path.getTotalLength(), points = [];
        for (let at = 0; at < length + STEP; at += STEP) { // vessels that share a trunk share its points
          const point = path.getPointAtLength(Math.min(at, length));
          points.push([point.x, point.y]);
        }
        this.vessels[path.dataset.vessel] = new Line(points);
      }
      this.flows = this.flowLines();
      const context = document.createElement("canvas").getContext("2d");
      this.places = {};
      for (const group of svg.querySelectorAll("[data-organ]")) {
        this.places[group.dataset.organ] = this.placesIn(group, context);
      }
    }

    /* Measured on a drawing of its own, because a browser measures nothing in a page that is hidden. */
    static ofDrawing() {
      const aside = document.createElement("div");
      aside.style.cssText = "position: absolute; left: -9999px; width: 640px; visibility: hidden";
      aside.innerHTML = window.Seeding.bodyDrawing;
      document.body.append(aside);
      try { return new Geometry(aside.firstElementChild); } finally { aside.remove(); }
    }

    /* Every vessel once, as paths for the flow: [{path, start, portal, shunt}]; `start` keeps the dashes in step. */
    flowLines() {
      const seen = new Set(), lines = [];
      for (const [name, line] of Object.entries(this.vessels)) {
        const shunt = name === "shunt", portal = name.startsWith("portal-") && name !== "portal-trunk";
        if (!shunt && !portal && !/^(artery|vein|pulmonary)-/.test(name)) continue;
        let open = null;
        line.points.slice(1).forEach(([x, y], i) => {
          const [fromX, fromY] = line.points[i], key = `${shunt} ${fromX.toFixed(1)} ${fromY.toFixed(1)} ${x.toFixed(1)} ${y.toFixed(1)}`;
          if (seen.has(key)) { open = null; return; }
          seen.add(key);
          if (!open) {
            open = { path: new Path2D(), start: line.lengths[i], portal, shunt };
            open.path.moveTo(fromX, fromY);
            lines.push(open);
          }
          open.path.lineTo(x, y);
        });
      }
      return lines;
    }

    /* Points on a hexagonal grid inside an organ's shapes, in a fixed shuffled order. */
    placesIn(group, context) {
      const found = [];
      for (const shape of group.querySelectorAll(".shape")) {
        const outline = new Path2D(shape.getAttribute("d")), box = shape.getBBox();
        context.lineWidth = 5;
        for (let row = 0, y = box.y; y < box.y + box.height; row++, y += SPACING * 0.866) {
          for (let x = box.x + (row % 2) * SPACING / 2; x < box.x + box.width; x += SPACING) {
            if (context.isPointInPath(outline, x, y) && !context.isPointInStroke(outline, x, y)) found.push([x, y]);
          }
        }
      }
      let state = 12345;
      for (let i = found.length - 1; i > 0; i--) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const j = state % (i + 1);
        [found[i], found[j]] = [found[j], found[i]];
      }
      return found;
    }

    /* Where a dot is drawn: `place` is 0 to 65535. */
    place(organ, place) {
      const points = this.places[organ], [x, y] = points[place % points.length];
      const angle = place * 2.399963, shift = 1.2 * ((place >> 4) & 7) / 7;
      return [x + shift * Math.cos(angle), y + shift * Math.sin(angle)];
    }

    site(primary) { return SITES[primary]; }

    /* Vessel of a bed, on one side where there are two. */
    line(kind, bed, side) {
      const name = VESSEL_OF[bed] || bed;
      return this.vessels[`${kind}-${name}${PAIRED.has(name) && kind !== "portal" ? `-${side}` : ""}`];
    }

    lungIn(side) { return this.vessels[`pulmonary-artery-${side}`].points; }
    lungOut(side) { return this.vessels[`pulmonary-vein-${side}`].points; }

    /* From where a cell was shed into the first bed. */
    leave(path, primary, side) {
      const first = path.beds[0];
      if (path.source !== "primary") {
        const bed = VESSEL_OF[path.source] || path.source;
        return this.between(bed, first, side);
      }
      const start = SITES[primary], vessels = this.vessels;
      const join = (name) => [start, ...vessels[name].from(start)];
      const arteries = () => this.line("artery", first, side).points;
      switch (path.vein) {
        case "portal": return join("portal-trunk");
        case "shunt": return [...join("shunt"), ...this.lungIn(side)];
        case "azygos": return [...join("azygos"), ...this.lungIn(side)];
        case "thoracic_duct": return [...join("thoracic-duct"), ...this.lungIn(side)];
        case "vertebral": return join("vertebral");
        case "pulmonary_venous": return [...join(`pulmonary-vein-${start[0] < CENTRE ? 1 : 2}`), ...arteries()];
        default: return [...join(start[1] > HEART ? "caval-below" : "caval-above"), ...this.lungIn(side)];
      }
    }

    /* From one bed to the next. */
    between(bed, next, side) {
      if (bed === "lung") return [...this.lungOut(side), ...this.line("artery", next, side).points];
      if (PORTAL_BEDS.has(bed)) {
        const portal = this.line("portal", bed, side).points;
        return next === "liver" ? portal : [...this.vessels.shunt.from(portal[0]), ...this.lungIn(side)];
      }
      return [...this.line("vein", bed, side).points, ...this.lungIn(side)];
    }

    /* The whole way of a path of the film, as a Line; `end` is where it stops, if that is known. */
    way(path, primary, end, number = 0) {
      const last = path.beds[path.beds.length - 1];
      const side = end ? (end[0] < CENTRE ? 1 : 2) : 1 + (number % 2);
      const points = [...this.leave(path, primary, side)];
      for (let i = 1; i < path.beds.length; i++) points.push(...this.between(path.beds[i - 1], path.beds[i], side));
      const organ = this.places[last] ? last : last === "rest" ? "elsewhere" : null;
      if (end) points.push(end);
      else if (organ) points.push(this.place(organ, (number * 40503) & 65535));
      return new Line(points);
    }
  }

  Object.assign(window.Seeding, { Geometry, Line });
})();
