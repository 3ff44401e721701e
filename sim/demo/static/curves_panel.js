/* The seeding curves as an element of the page. */
export default {
  template: "<div></div>",
  props: { catalogue: Object, arms: Array },
  mounted() {
    this.curves = new Seeding.Curves(this.$el, { text: Seeding.texts(this.catalogue), arms: this.arms });
  },
  methods: {
    update(data) {
      this.curves.update(data);
    },
    /* Another question: the names of the bodies; a new `organ` only if the question brings one. */
    empty(arms, organ) {
      this.curves.setArms(arms);
      if (organ !== this.asked) this.curves.setOrgan(organ);
      this.asked = organ;
      this.curves.update(null);
    },
  },
};
