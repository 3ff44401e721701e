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
    organ(name) {
      this.curves.setOrgan(name);
    },
    empty(arms) {
      this.curves.setArms(arms);
      this.curves.update(null);
    },
  },
};
