// Suggests addresses while one is typed, in the box of templates/address_picker.html. The page works without it: the fields that the
// box stands in for come back whenever suggestions cannot be had, and the server believes nothing that was chosen here.
const PAUSE_MS = 250; // in typing, before anything is asked
const PATIENCE_MS = 4000; // with an answer
const REST_SECONDS = 10; // after a failure, unless the server names another time
const LEAST = 3; // characters that are worth asking for
const LONGEST = 200;

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const textOf = (suggestion) => suggestion?.text ?? suggestion; // the box begins with a plain text
const shown = (suggestion) => escaped(textOf(suggestion)) + (suggestion.note ? ` – ${escaped(suggestion.note)}` : "");

const quoted = (words) => words.map((word) => `\u201c${word}\u201d`).join(", ");

function escaping() {
  const event = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
  return Object.defineProperty(event, "keyCode", { value: 27 }); // by which the library knows it
}

/** The suggestions for a text: asked once each, after a pause in typing, the last question alone. */
class Suggestions {
  #known = new Map();
  #asking = null;
  #timer = null;
  #restsUntil = 0;

  constructor(url) {
    this.url = url;
  }

  /** Calls `found` with a list and the words that did not match, or `failed`; neither when another text is asked for, or nothing any more, before. */
  ask(text, found, failed) {
    this.stop();
    if (this.#known.has(text)) {
      found(...this.#known.get(text));
    } else if (Date.now() < this.#restsUntil) {
      failed();
    } else {
      this.#timer = setTimeout(() => this.#fetch(text, found, failed), PAUSE_MS);
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  async #fetch(text, found, failed) {
    const asking = (this.#asking = new AbortController());
    const impatience = setTimeout(() => asking.abort("slow"), PATIENCE_MS);
    try {
      const query = new URLSearchParams({ q: text.slice(0, LONGEST) });
      const answer = await fetch(`${this.url}?${query}`, { signal: asking.signal, redirect: "error", headers: { Accept: "application/json" } });
      if (!answer.ok) {
        throw new Error(answer.headers.get("Retry-After") ?? "");
      }
      const { suggestions, unmatched = [] } = await answer.json();
      this.#known.set(text, [suggestions, unmatched]);
      found(suggestions, unmatched);
    } catch (problem) {
      if (asking.signal.aborted && asking.signal.reason !== "slow") {
        return;
      }
      this.#restsUntil = Date.now() + 1000 * (Number(problem?.message) || REST_SECONDS);
      failed();
    } finally {
      clearTimeout(impatience);
    }
  }
}

class Picker {
  #chosen = null; // the text that the hidden value belongs to
  #state = "idle";
  #populate = null;
  #unmatched = []; // words that the first suggestion does not have; without suggestions, that no address has

  constructor(element) {
    const part = (name) => element.querySelector(`[data-picker-${name}]`);
    this.typing = part("typing");
    this.box = part("box");
    this.says = part("says");
    this.value = part("value");
    this.fields = part("fields");
    this.switching = part("switch");
    this.back = part("back");
    this.explanation = [part("error"), part("hint")].map((said) => said?.textContent.trim()).filter(Boolean);
    this.suggestions = new Suggestions(element.dataset.suggestions);
  }

  start(autocomplete) {
    const { id, name, text } = this.box.dataset;
    this.#chosen = this.value.value ? text : null;
    autocomplete({
      element: this.box,
      id,
      name,
      defaultValue: text,
      minLength: LEAST,
      confirmOnBlur: false,
      source: (typed, populate) => this.#suggest(typed, populate),
      onConfirm: (suggestion) => this.#choose(suggestion),
      displayMenu: "overlay", // what stands below must not move away from under a click
      templates: { inputValue: textOf, suggestion: shown },
      tNoResults: () => this.#nothing(),
      tStatusNoResults: () => this.#nothing(),
      tStatusSelectedOption: (chosen, length, index) => `${chosen}, ${index + 1} of ${length}, is highlighted`,
      tStatusResults: (length, highlighted) => `${length} ${length === 1 ? "suggestion is" : "suggestions are"} available. ${highlighted}`,
      tAssistiveHint: () =>
        [...this.explanation, "When there are suggestions, use the up and down arrows to review them and enter to choose one."].join(". "),
    });
    this.input = this.box.querySelector("input");
    this.input.maxLength = LONGEST;
    this.input.spellcheck = false;
    this.input.addEventListener("input", () => this.#forget());
    this.box.addEventListener("keydown", (event) => this.#press(event), { capture: true });
    this.input.addEventListener("focus", () => this.#state === "searching" && this.#suggest(this.input.value, this.#populate));
    this.box.addEventListener("focusout", (event) => this.box.contains(event.relatedTarget) || this.suggestions.stop());
    this.input.form.addEventListener("submit", () => this.#forget());
    this.switching.querySelector("button").addEventListener("click", () => this.#turnTo(this.fields));
    this.back.querySelector("button").addEventListener("click", () => this.#turnTo(this.typing));
    this.back.hidden = false;
    const areUsed = this.fields.contains(document.activeElement) || this.fields.querySelector(".govuk-error-message");
    this.#use(areUsed ? this.fields : this.typing);
  }

  #suggest(typed, populate) {
    this.#state = "searching";
    this.#populate = populate;
    this.suggestions.ask(
      typed.trim(),
      (found, unmatched) => {
        this.#state = "idle";
        this.#unmatched = unmatched;
        if (this.box.classList.replace("blocks-picker__box--down", "blocks-picker__box")) {
          this.says.textContent = "";
        }
        if (found.length && unmatched.length) {
          this.says.textContent = `No address here has ${quoted(unmatched)}. These are like the rest of what you typed.`;
        }
        populate(found);
      },
      () => {
        this.#state = "down";
        populate([]);
        this.#fallBack();
      },
    );
  }

  #nothing() {
    const without = this.#unmatched.length ? `. No address has ${quoted(this.#unmatched)}` : "";
    return { searching: "Searching", down: "", idle: `No address found${without}` }[this.#state];
  }

  /** Two keys of the box that would leave somebody without a text, a focus or an answer. */
  #press(event) {
    const highlighted = event.target !== this.input;
    if (event.key === "Enter" && !highlighted && this.#chosen === null && this.input.value.trim()) {
      // Nothing is chosen or highlighted, whether the list is open or on its way: search for what was typed, as the button does.
      event.preventDefault();
      event.stopPropagation();
      this.input.form.requestSubmit();
      this.says.textContent = `Searching for ${quoted([this.input.value.trim()])}`; // after what sending takes back
    } else if (event.key === "Escape" && highlighted) {
      // Back to the box with what was typed in it, and close the list from there.
      event.preventDefault();
      event.stopPropagation();
      this.input.focus();
      setTimeout(() => this.input.dispatchEvent(escaping()));
    }
  }

  #choose(suggestion) {
    if (suggestion?.value) {
      this.#chosen = suggestion.text;
      this.value.value = suggestion.value;
      this.says.textContent = "";
    } else if (suggestion?.text) {
      // Once the box has taken the text over, ask what it leads to; the space makes it another text.
      setTimeout(() => {
        this.input.value = `${suggestion.text} `;
        this.input.dispatchEvent(new Event("input", { bubbles: true }));
        this.says.textContent = "This is not a whole address. Choose one, or go on typing.";
      });
    }
  }

  /** A text that was changed after choosing is no choice any more, and what was said of it is no longer so. */
  #forget() {
    if (this.input.value.length < LEAST) {
      this.suggestions.stop();
      this.#state = "idle";
    }
    if (this.#state !== "down") {
      this.says.textContent = "";
    }
    if (this.input.value !== this.#chosen) {
      this.#chosen = null;
      this.value.value = "";
    }
  }

  /** The box or the fields; what is not seen is not sent. */
  #use(part) {
    for (const other of [this.typing, this.fields]) {
      this.#show(other, other === part);
    }
  }

  #turnTo(part) {
    this.#use(part);
    part.querySelector("input").focus();
  }

  #show(part, seen) {
    part.hidden = !seen;
    for (const field of part.querySelectorAll("input, select, textarea")) {
      field.disabled = !seen;
    }
  }

  /** Bring the fields back beside the box, empty, so that whichever is filled in is what counts. */
  #fallBack() {
    this.box.classList.replace("blocks-picker__box", "blocks-picker__box--down");
    if (this.fields.hidden) {
      this.#show(this.fields, true);
      for (const field of this.fields.querySelectorAll("input")) {
        field.value = "";
      }
      this.switching.hidden = this.back.hidden = true;
    }
    this.says.textContent = "Suggestions are not available at the moment. Use the fields below instead.";
  }
}

for (const element of document.querySelectorAll("[data-address-picker]")) {
  await import(element.dataset.library); // it knows no modules, and leaves itself on the window
  new Picker(element).start(window.accessibleAutocomplete);
}
