/* One body on one canvas: dots, travelling cells, the primary, on a day of the film.
 *
 * A drawing is a function of the day alone, so that scrubbing back shows what was seen before. An area
 * shows cells: every power of ten adds twice the area of a single cell.
 */
(() => {
  "use strict";
  const CELL_RADIUS = 2.7;
  const AREA_A_DECADE = 2;
  const TRAVEL_SECONDS = 1.3;
  const FADE_SECONDS = 0.7;
  const ARRIVAL_SECONDS = 0.5;
  const GOLDEN = 0.618034;
  const TAU = 2 * Math.PI;
  const MOST_TRAVELLERS = 700;
  const LIVER = [262, 408], MOST_MESSAGES = 14, MESSAGE_SECONDS = 3;
  const FLOW = { dash: [5, 9], perSecond: 30 };
  const COLOURS = {
    asleep: "#16245c", awake: "#951b44", metastasis: "#7a1436", outline: "#ffffff", visible: "#14080d",
    traveller: "#33283a", message: "#0b6b63", seed: "#951b44", cleared: "#3f4757", primary: "#951b44", primaryEdge: "#4d0f22",
  };

  /* Radius in units of the drawing for a number of cells given as log10. */
  function radius(log10Cells) { return CELL_RADIUS * Math.sqrt(1 + AREA_A_DECADE * Math.max(log10Cells, 0)); }

  class BodyView {
    constructor(canvas, geometry) {
      this.canvas = canvas; this.context = canvas.getContext("2d"); this.geometry = geometry;
      this.box = [0, 0, 640, 716]; this.scale = 1; this.dots = []; this.ways = new Map();
    }

    /* A new film: forget what was prepared. */
    open(film, arm) {
      this.film = film; this.arm = arm; this.dots = []; this.ways.clear();
      this.shunted = arm.paths.some((path) => path.vein === "shunt");
      this.paths = arm.paths.map((path, i) => ({
        share: path.share, phase: (i * GOLDEN) % 1, ends: path.ends,
        ways: [0, 1].map((side) => this.geometry.way(path, arm.primary, null, i + side)),
      }));
      this.addDots(arm.dots);
    }

    addDots(dots) {
      for (const dot of dots) {
        const [x, y] = this.geometry.place(dot.organ, dot.place);
        this.dots.push(Object.assign(dot, { x, y }));
      }
    }

    resize(width, height, box, ratio) {
      this.canvas.width = Math.round(width * ratio); this.canvas.height = Math.round(height * ratio);
      this.box = box; this.scale = this.canvas.width / box[2];
    }

    /* The likeliest way from where a dot's cell was shed to its place; made when it is first needed. */
    wayOf(dot) {
      const source = dot.source === 0 ? "primary" : this.film.organs[dot.source - 1], side = dot.x < 320 ? 1 : 2;
      const key = `${source} ${dot.organ} ${side}`;
      if (!this.ways.has(key)) {
        const path = this.arm.paths.find((p) => p.source === source && p.ends === "arrested" && p.niche === dot.organ);
        this.ways.set(key, path ? this.geometry.way(path, this.arm.primary, [dot.x, dot.y]) : null);
      }
      return this.ways.get(key);
    }

    /* Where a dot's cell is when it has gone this share of its way; the last piece bends towards its own place. */
    onTheWay(dot, share) {
      const way = this.wayOf(dot);
      if (!way) return [dot.x, dot.y];
      const [x, y] = way.at(share), end = way.points[way.points.length - 1], bend = Math.max(0, (share - 0.7) / 0.3) ** 2;
      const aside = ((dot.place & 15) / 15 - 0.5) * 7 * (1 - bend);
      return [x + (dot.x - end[0]) * bend + aside, y + (dot.y - end[1]) * bend - aside];
    }

    /* Day on which a number of cells had been shed: the inverse of film.shedUntil. */
    shedDay(cells) {
      const steps = this.arm.shed;
      let low = -1, high = steps.length / 2 - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (steps[2 * middle + 1] < cells) low = middle; else high = middle;
      }
      const before = low < 0 ? 0 : steps[2 * low + 1];
      return (steps[2 * high] + (cells - before) / (steps[2 * high + 1] - before || 1)) * this.film.frameDays;
    }

    /* The blood's flow: bright dashes along every vessel, `seconds` after the start. */
    flow(seconds) {
      const { context } = this, shunted = this.shunted;
      context.setLineDash(FLOW.dash);
      context.lineCap = "round";
      context.strokeStyle = "rgba(255, 255, 255, 0.8)";
      for (const line of this.geometry.flows) {
        if (shunted ? line.portal : line.shunt) continue;
        context.lineWidth = line.portal || line.shunt ? 2.6 : 1.5;
        context.lineDashOffset = line.start - seconds * FLOW.perSecond;
        context.stroke(line.path);
      }
      context.setLineDash([]);
      context.lineCap = "butt";
    }

    /* Draw a day. `speed` is in days a second; `still` leaves out what travels; `flowSeconds` null leaves out the
       flow. Returns what was drawn. */
    draw(day, speed, still, flowSeconds) {
      const { context, film, arm } = this, alive = day < arm.last_day;
      const end = Math.min(day, arm.last_day);
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      context.setTransform(this.scale, 0, 0, this.scale, -this.box[0] * this.scale, -this.box[1] * this.scale);
      if (flowSeconds !== null) this.flow(alive ? flowSeconds : 0);
      if (alive && film.value(arm, "primary_log10_cells", end) > 0) this.messages(film.value(arm, "shedding", end), flowSeconds || 0);
      this.primary(film.value(arm, "primary_log10_cells", end));
      const travellers = still || !alive ? 0 : this.travellers(end, TRAVEL_SECONDS * speed);
      const drawn = this.cells(end, speed, still || !alive);
      return { ...drawn, travellers };
    }

    /* Messages of old liver cells to the tumour: the more of them, the more it sheds. A sketch, not a count. */
    messages(factor, seconds) {
      if (!this.arm.mechanisms.senescent_vesicles || factor <= 1.01) return;
      const { context } = this, [x1, y1] = LIVER, [x2, y2] = this.geometry.site(this.arm.primary);
      const number = Math.min(MOST_MESSAGES, Math.ceil(6 * (factor - 1))), bend = [(x1 + x2) / 2 + 0.3 * (y2 - y1), (y1 + y2) / 2 - 0.3 * (x2 - x1)];
      context.fillStyle = COLOURS.message;
      for (let i = 0; i < number; i++) {
        const t = (i / number + seconds / MESSAGE_SECONDS) % 1, u = 1 - t;
        const x = u * u * x1 + 2 * u * t * bend[0] + t * t * x2, y = u * u * y1 + 2 * u * t * bend[1] + t * t * y2;
        context.fillRect(x - 2.5, y - 2.5, 5, 5);
      }
    }

    primary(log10Cells) {
      if (log10Cells <= 0) return;
      const { context } = this, [x, y] = this.geometry.site(this.arm.primary), r = radius(log10Cells) * 1.15;
      context.beginPath();
      for (let i = 0; i <= 36; i++) {
        const angle = TAU * i / 36, wave = r * (1 + 0.09 * Math.sin(3 * angle + 1) + 0.06 * Math.sin(5 * angle));
        context[i ? "lineTo" : "moveTo"](x + wave * Math.cos(angle), y + wave * Math.sin(angle));
      }
      context.closePath();
      context.fillStyle = COLOURS.primary; context.fill();
      context.lineWidth = 1.6; context.strokeStyle = COLOURS.primaryEdge; context.stroke();
    }

    travellers(day, travelDays) {
      const { context, film, arm } = this, cells = film.head.cells_per_traveller;
      const [was, now] = [film.shedUntil(arm, Math.max(day - travelDays, 0)), film.shedUntil(arm, day)];
      if (now <= was) return 0;
      let drawn = 0;
      context.fillStyle = COLOURS.traveller;
      for (const path of this.paths) {
        const first = Math.ceil(path.share * was / cells + path.phase), last = Math.floor(path.share * now / cells + path.phase);
        for (let j = first; j <= last && drawn < MOST_TRAVELLERS; j++) {
          if (j < path.phase) continue;
          const share = (day - this.shedDay((j - path.phase) * cells / path.share)) / travelDays;
          if (share < 0 || share > 1) continue;
          const [x, y] = path.ways[j & 1].at(share), shift = ((j * 2654435761) >>> 24) / 255 - 0.5;
          context.globalAlpha = share > 0.85 ? (1 - share) / 0.15 : 0.85;
          context.beginPath(); context.arc(x + 3 * shift, y - 3 * shift, 1.7, 0, TAU); context.fill();
          drawn++;
        }
      }
      context.globalAlpha = 1;
      return drawn;
    }

    /* Every dot on its day: on its way, asleep, awake, a metastasis, or just cleared. */
    cells(day, speed, still) {
      const { context, film, arm } = this, visible = Math.log10(arm.visible_cells);
      const travel = still ? 0 : TRAVEL_SECONDS * speed, fade = FADE_SECONDS * speed, glow = ARRIVAL_SECONDS * speed;
      const drawn = { arriving: 0, asleep: 0, awake: 0, metastasis: 0, cleared: 0 };
      const asleep = new Path2D(), awake = new Path2D(), cleared = new Path2D(), arriving = new Path2D(), metastases = [];
      const ring = (path, x, y, r) => { path.moveTo(x + r, y); path.arc(x, y, r, 0, TAU); };
      for (const dot of this.dots) {
        if (day < dot.arrived) {
          if (dot.arrived - day >= travel) break; // dots are in order of arrival
          const [x, y] = this.onTheWay(dot, 1 - (dot.arrived - day) / travel);
          ring(arriving, x, y, 2.1); drawn.arriving++;
        } else if (day >= dot.ended) {
          if (still || day - dot.ended > fade) continue;
          const r = 2.4;
          cleared.moveTo(dot.x - r, dot.y - r); cleared.lineTo(dot.x + r, dot.y + r);
          cleared.moveTo(dot.x + r, dot.y - r); cleared.lineTo(dot.x - r, dot.y + r);
          drawn.cleared++;
        } else if (day < dot.woke) {
          ring(asleep, dot.x, dot.y, CELL_RADIUS); drawn.asleep++;
          if (!still && day - dot.arrived < glow) ring(arriving, dot.x, dot.y, CELL_RADIUS + 4 * (1 - (day - dot.arrived) / glow));
        } else {
          const size = film.size(dot, day), awakeFor = day - dot.woke;
          if (!still && dot.woke > dot.arrived && awakeFor < 2 * glow) ring(arriving, dot.x, dot.y, 4 + 9 * awakeFor / (2 * glow)); // it has just woken
          if (dot.metastasis && size >= 6) { metastases.push([dot, size]); drawn.metastasis++; }
          else { ring(awake, dot.x, dot.y, radius(size)); drawn.awake++; }
        }
      }
      context.lineWidth = 1.3; context.strokeStyle = COLOURS.asleep; context.stroke(asleep);
      context.fillStyle = COLOURS.awake; context.fill(awake);
      metastases.sort((a, b) => b[1] - a[1]);
      for (const [dot, size] of metastases) {
        const r = radius(size);
        context.beginPath(); context.arc(dot.x, dot.y, r, 0, TAU);
        context.fillStyle = COLOURS.metastasis; context.fill();
        context.lineWidth = size >= visible ? 2.2 : 1; context.strokeStyle = size >= visible ? COLOURS.visible : COLOURS.outline;
        context.stroke();
        if (size >= visible) {
          context.beginPath(); context.arc(dot.x, dot.y, r - 2.4, 0, TAU);
          context.lineWidth = 1.4; context.strokeStyle = COLOURS.outline; context.stroke();
        }
      }
      context.lineWidth = 1.2; context.strokeStyle = COLOURS.cleared; context.stroke(cleared);
      context.lineWidth = 1.3; context.strokeStyle = COLOURS.seed; context.stroke(arriving);
      return drawn;
    }
  }

  Object.assign(window.Seeding, { BodyView, radius, COLOURS });
})();
