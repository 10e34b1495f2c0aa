// Which pairs are listed. The address keeps it, so that a list can be bookmarked and reloaded.

const form = document.getElementById("filters");
const NEUTRAL = { state: "open", label: "", video: "", low: "", high: "", disagreement: "", order: "doubtful" };

export class Filters {
  constructor(onChange) {
    const known = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(NEUTRAL)) form.elements[name].value = known.get(name) ?? value;
    this.mark();
    form.addEventListener("change", () => {
      this.mark();
      onChange(this.value());
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || event.key === "Enter") event.target.blur();
      event.stopPropagation();
    });
  }

  value() {
    const { state, label, video, low, high, disagreement, order } = Object.fromEntries(new FormData(form));
    return { state, label, video, disagreement, order, low: low === "" ? 0 : Number(low), high: high === "" ? 1 : Number(high) };
  }

  // What is not as at the start is framed, and stands in the address.
  mark() {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(NEUTRAL)) {
      const field = form.elements[name];
      const isSet = field.value !== value;
      field.classList.toggle("set", isSet);
      if (isSet) query.set(name, field.value);
    }
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  }

  focus() { form.elements.label.focus(); form.elements.label.select(); }

  setWords(words) {
    document.getElementById("words").replaceChildren(...["(nothing)", ...words].map((word) => {
      const option = document.createElement("option");
      option.value = word;
      return option;
    }));
  }
}
