// A text area that marks a template's placeholders and completes them from a dataset's fields.
// The text area itself shows the text; a layer behind it, with the same text, has the marks.

const NAME = String.raw`\p{L}(?:[\w.()/#%&? -]|[^\x00-\x9f\u2028\u2029])*(?<! )`
const PATTERNS = {
  single: new RegExp(String.raw`\{\{\{(${NAME})\}\}\}|\{\{${NAME}\}\}|\{(${NAME})\}`, "gu"),
  double: /\{\{[ \t]*(\p{L}[^{}\r\n]*)\}\}/gu,
}
const PARTIAL = {
  single: /(?<!\{\{)\{([^{}\r\n]*)$/u,
  double: /\{\{[ \t]*([^{}\r\n]*)$/u,
}
const PAUSE_MS = 400
const MOST_MARKED = 200_000
const MOST_OFFERED = 8

const editors = new WeakMap()

export default function (component) {
  const { parentElement } = component
  let editor = editors.get(parentElement)
  if (!editor) {
    editor = new Editor(parentElement)
    editors.set(parentElement, editor)
  }
  editor.update(component)
  return () => {
    editor.end()
    editors.delete(parentElement)
  }
}

class Editor {
  constructor(root) {
    this.area = root.querySelector("textarea")
    this.layer = root.querySelector(".layer")
    this.list = root.querySelector("ul")
    this.label = root.querySelector("label")
    this.hint = root.querySelector(".hint")
    this.revision = null
    this.sent = null
    this.offered = []
    this.chosen = 0
    this.area.oninput = () => this.changed()
    this.area.onblur = () => {
      this.close()
      this.send()
    }
    this.area.onkeydown = event => this.pressed(event)
    this.area.onclick = () => this.close()
    // A link to another page is followed before the field loses the focus: a text sent then would
    // lead back here.
    this.pressedElsewhere = () => this.send()
    document.addEventListener("pointerdown", this.pressedElsewhere, true)
    // A reload or a closed tab would lose what is not saved: the browser asks first.
    this.leaving = event => {
      if (this.unsaved || this.area.value !== this.first) event.preventDefault()
    }
    window.addEventListener("beforeunload", this.leaving)
  }

  end() {
    clearTimeout(this.timer)
    document.removeEventListener("pointerdown", this.pressedElsewhere, true)
    window.removeEventListener("beforeunload", this.leaving)
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue
    this.fields = new Set(data.fields)
    this.notation = data.notation
    this.label.textContent = data.label
    this.area.placeholder = data.placeholder
    this.unsaved = data.unsaved
    if (this.revision !== data.revision) {
      this.revision = data.revision
      this.sent = this.first = data.value
      this.area.value = data.value
    }
    this.mark()
  }

  changed() {
    this.mark()
    this.offer()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.send(), PAUSE_MS)
  }

  send() {
    clearTimeout(this.timer)
    if (this.area.value === this.sent) return
    this.sent = this.area.value
    this.setStateValue("text", { revision: this.revision, value: this.sent })
  }

  mark() {
    const text = this.area.value
    const pieces = []
    const unknown = new Set()
    let end = 0
    if (text.length <= MOST_MARKED) {
      for (const match of text.matchAll(PATTERNS[this.notation])) {
        const name = (match[1] ?? match[2])?.trimEnd()
        if (name === undefined) continue // an escape: it renders braces
        pieces.push(text.slice(end, match.index))
        const mark = document.createElement("mark")
        mark.textContent = match[0]
        if (!this.knows(name)) {
          mark.className = "unknown"
          unknown.add(name)
        }
        pieces.push(mark)
        end = match.index + match[0].length
      }
    }
    // The line feed gives a last empty line its height.
    this.layer.replaceChildren(...pieces, text.slice(end) + "\n")
    this.hint.textContent = unknown.size ? `No such field: ${[...unknown].join(", ")}` : ""
  }

  knows(name) {
    if (this.fields.size === 0 || this.fields.has(name)) return true
    const parts = name.split(".")
    return parts.some(
      (part, at) => at > 0 && /^\d+$/.test(part) && this.fields.has(parts.slice(0, at).join("."))
    )
  }

  // completion

  partial() {
    if (this.area.selectionStart !== this.area.selectionEnd) return null
    const before = this.area.value.slice(0, this.area.selectionStart)
    const match = PARTIAL[this.notation].exec(before.slice(-200))
    return match && match[1]
  }

  offer() {
    const partial = this.partial()
    const wanted = partial?.toLowerCase()
    this.offered =
      partial === null
        ? []
        : [...this.fields]
            .filter(field => field.toLowerCase().includes(wanted) && field !== partial)
            .sort(
              (a, b) =>
                b.toLowerCase().startsWith(wanted) - a.toLowerCase().startsWith(wanted)
            )
            .slice(0, MOST_OFFERED)
    this.chosen = 0
    this.draw()
  }

  draw() {
    const options = this.offered.map((field, at) => {
      const option = document.createElement("li")
      option.id = `option-${at}`
      option.setAttribute("role", "option")
      option.setAttribute("aria-selected", String(at === this.chosen))
      option.textContent = field
      option.onmousedown = event => {
        event.preventDefault() // the text area keeps the focus
        this.complete(field)
      }
      return option
    })
    this.list.replaceChildren(...options)
    this.list.hidden = options.length === 0
    if (options.length) this.area.setAttribute("aria-activedescendant", `option-${this.chosen}`)
    else this.area.removeAttribute("aria-activedescendant")
  }

  close() {
    this.offered = []
    this.draw()
  }

  complete(field) {
    const start = this.area.selectionStart - this.partial().length
    const closing = this.notation === "double" ? "}}" : "}"
    const rest = this.area.value.slice(this.area.selectionStart)
    const end = this.area.selectionStart + (rest.startsWith(closing) ? closing.length : 0)
    this.area.setRangeText(field + closing, start, end, "end")
    this.close()
    this.changed()
    this.close()
  }

  pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      this.close()
      this.send()
      return
    }
    if (this.offered.length === 0) return
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) {
      this.chosen = (this.chosen + step + this.offered.length) % this.offered.length
      this.draw()
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.complete(this.offered[this.chosen])
    } else if (event.key === "Escape") {
      this.close()
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }
}
