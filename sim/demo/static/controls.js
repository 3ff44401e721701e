/* The player's controls. */
(() => {
  "use strict";
  const { make } = window.Seeding;

  const ICONS = {
    play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM14 5h4v14h-4z", back: "M17 5v14l-9-7zM5 5h2v14H5z",
    forward: "M7 5v14l9-7zM17 5h2v14h-2z", start: "M20 5v14l-7-7zM13 5v14l-7-7zM4 5h2v14H4z",
  };

  function icon(name) {
    return `<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path fill="currentColor" d="${ICONS[name]}"/></svg>`;
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
      this.clock = make("p", "sp-clock", line);
      this.marks = make("div", "sp-marks", line);
      this.marks.setAttribute("aria-hidden", "true");
      this.range = make("input", "sp-range", line);
      Object.assign(this.range, { type: "range", min: 0, max: 1, step: 1, value: 0 });
      this.range.setAttribute("aria-label", text("player.timeline"));
      // The last step may be shorter than the others: where there is no whole one left, it is the end.
      this.range.addEventListener("input", () => {
        const day = Number(this.range.value);
        player.pause();
        player.seek(day + Number(this.range.step) > Number(this.range.max) ? player.lastDay : day);
      });
      const label = make("label", "sp-speed", this.root);
      make("span", "", label, text("player.speed"));
      this.select = make("select", "", label);
      this.select.setAttribute("aria-label", text("player.speed")); // its word is left out where there is little room
      speeds.forEach((speed, i) => this.select.append(new Option(text(`player.speed_${i + 1}`), speed)));
      this.select.addEventListener("change", () => player.setSpeed(Number(this.select.value)));
      this.show();
    }

    /* A new film, or none. */
    open(film) {
      this.range.max = Math.round(this.player.lastDay);
      this.range.min = Math.round(this.player.firstDay);
      this.marks.replaceChildren();
      this.show();
      if (!film) return;
      this.range.step = film.frameDays;
      const span = this.player.lastDay - this.player.firstDay || 1;
      for (const event of film.arms[0].events) {
        if (!["diagnosis", "first_visible", "death", "treatment"].includes(event.kind)) continue;
        const mark = make("span", `sp-mark sp-mark-${event.kind}`, this.marks);
        mark.style.left = `${100 * (event.day - this.player.firstDay) / span}%`;
        mark.title = this.player.eventText(event);
      }
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

  Object.assign(window.Seeding, { Controls });
})();
