/* The handout: predict, watch, compare, explain; everything it shows stands in the file itself. */
(() => {
  "use strict";
  const { Player, Curves, texts } = window.Seeding;
  const data = JSON.parse(document.getElementById("data").textContent);
  const { lesson, film, curves } = data, text = texts(data.texts), root = document.getElementById("handout");
  const said = (key) => text(`lesson.${lesson.name}.${key}`);

  function make(name, className, parent, content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    parent.appendChild(made);
    return made;
  }

  function part(title, className = "") {
    const section = make("section", `ho-part ${className}`, root);
    if (title) make("h2", "", section, title);
    return section;
  }

  const head = make("header", "ho-head", root);
  make("p", "", head, text("ui.title"));
  make("h1", "", head, said("title"));
  make("p", "", head, said("aim"));

  const predict = part(text("ui.lesson.predict"), "ho-predict");
  const halves = make("div", "ho-halves", predict);
  make("p", "", halves, said("intro"));
  const form = make("form", "", halves), group = make("fieldset", "", form);
  make("legend", "ho-question", group, said("prediction"));
  lesson.options.forEach((option, i) => {
    const label = make("label", "ho-option", group), radio = make("input", "", label);
    Object.assign(radio, { type: "radio", name: "prediction", value: String(i) });
    make("span", "", label, text(option));
  });
  const run = make("button", "ho-button", form, text("ui.lesson.run"));
  run.type = "submit";
  run.disabled = true;
  form.addEventListener("change", () => { run.disabled = false; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(Number(new FormData(form).get("prediction")));
  });

  /* Everything else, once the reader has predicted. */
  function show(prediction) {
    for (const control of form.elements) control.disabled = true;
    const watch = part(text("ui.lesson.watch"), "ho-watch");
    make("p", "", watch, said("watch"));
    const stage = part("", "ho-bare");
    window.handout.player = new Player(make("div", "", stage), { text, film, organ: lesson.organ === "all" ? "liver" : lesson.organ });
    const many = part(text("ui.lesson.many"), "ho-many");
    make("p", "", many, text("handout.cohort", { patients: curves.patients }));
    make("p", "", many, said("many"));
    const arms = film.arms.map((arm, i) => text("ui.body", { letter: "AB"[i], name: text(`arm.${arm.name}`) }));
    window.handout.curves = new Curves(make("div", "", many), { text, arms, organ: lesson.organ });
    window.handout.curves.update(curves);
    explain(prediction);
    close();
    watch.scrollIntoView({ behavior: window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    window.handout.player.play();
  }

  function explain(prediction) {
    const section = part(text("ui.lesson.explain"), "ho-explain"), both = make("div", "ho-halves", section), list = make("ul", "ho-answers", both);
    lesson.options.forEach((option, i) => {
      const item = make("li", i === lesson.answer ? "ho-right" : "", list, text(option));
      const notes = [];
      if (i === lesson.answer) notes.push(text("ui.lesson.answer"));
      if (i === prediction) notes.push(text("handout.yours"));
      if (notes.length) make("small", "", item, notes.join(" \u00b7 "));
    });
    make("p", "", both, said("explanation"));
    const simplified = make("details", "", section);
    make("summary", "", simplified, text("handout.simplified"));
    make("p", "", simplified, said("simplified"));
    make("p", "ho-source", section, `${text("ui.lesson.source")}: ${said("source")}`);
  }

  function close() {
    const section = part(text("ui.lesson.questions"), "ho-questions"), list = make("ol", "", section);
    for (const number of [1, 2]) {
      const item = make("li", "", list, said(`question.${number}`)), answer = make("details", "", item);
      make("summary", "", answer, text("handout.answer"));
      make("p", "", answer, said(`answer.${number}`));
    }
    const foot = make("footer", "ho-foot", root);
    make("p", "", foot, text("ui.foot"));
    make("p", "", foot, text("handout.made", lesson));
  }

  window.handout = { player: null, curves: null };
})();
