/* Small things that every part of the player is made of. */
(() => {
  "use strict";

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

  /* A count for the table: exact while it can be read, in words when it is huge. */
  function counted(text, value) {
    return value < 1e6 ? numbers(text, value) : value.toLocaleString(text.language, { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 3 });
  }

  /* The bodies are called A and B, in the colours of their curves. */
  function letter(parent, number) {
    return make("span", `sp-letter sp-letter-${number}`, parent, String.fromCharCode(65 + number));
  }

  Object.assign(window.Seeding, { make, numbers, counted, letter });
})();
