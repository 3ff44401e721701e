/* The player of films as an element of the page: parts of films come in. */
export default {
  template: "<div></div>",
  props: { catalogue: Object },
  mounted() {
    this.player = new Seeding.Player(this.$el, { text: Seeding.texts(this.catalogue), controls: true });
    this.starts = false;
  },
  unmounted() {
    this.player.destroy();
  },
  methods: {
    /* A part of a film as sim/demo/film.py makes it; `play` says whether a new film starts by itself. */
    film(part, play) {
      if (part.kind === "head") {
        this.player.pause();
        this.player.load(part);
        this.starts = play;
      } else if (part.kind === "frames") {
        this.player.append(part);
        if (this.starts) {
          this.starts = false;
          this.player.play();
        }
      }
    },
    /* Whose numbers are shown first. */
    select(organ) {
      this.player.select(organ);
    },
    play() {
      this.player.play();
    },
    /* Another question was asked, which what is shown would not answer. */
    clear() {
      this.starts = false;
      this.player.clear();
    },
    pause() {
      this.starts = false;
      this.player.pause();
    },
  },
};
