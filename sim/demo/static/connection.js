/* While the connection to the classroom is lost, controls that need it are visibly out of use: no click is lost.
 *
 * The player goes on: it needs nothing but the film that it has. The keyboard's place comes back with the connection.
 */
(() => {
  "use strict";
  const NEED_IT = ".classroom .top, .classroom .settings, .classroom .languages, .classroom .again";
  const RETRY_MS = 50;
  let focused = null;

  function show(lost) {
    if (lost && !document.body.classList.contains("lost")) focused = document.activeElement;
    document.body.classList.toggle("lost", lost);
    for (const part of document.querySelectorAll(NEED_IT)) part.inert = lost;
    if (!lost && focused && focused.isConnected && document.activeElement === document.body) focused.focus({ preventScroll: true });
  }

  function watch() {
    if (!window.socket) { setTimeout(watch, RETRY_MS); return; }
    window.socket.on("disconnect", () => show(true));
    window.socket.on("connect", () => show(false));
  }

  watch();
})();
