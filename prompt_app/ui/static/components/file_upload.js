// Sends a file to this server piece by piece, with progress and a way to stop.

const uploads = new WeakMap()

export default function (component) {
  const { parentElement } = component
  let upload = uploads.get(parentElement)
  if (!upload) {
    upload = new Upload(parentElement)
    uploads.set(parentElement, upload)
  }
  upload.update(component)
  return () => {
    upload.request?.abort()
    uploads.delete(parentElement)
  }
}

class Upload {
  constructor(root) {
    this.box = root.querySelector(".box")
    this.input = root.querySelector("input")
    this.label = root.querySelector("label")
    this.hint = root.querySelector(".hint")
    this.progress = root.querySelector("progress")
    this.status = root.querySelector(".status")
    this.stop = root.querySelector("button")
    this.input.onchange = () => this.send(this.input.files[0])
    this.stop.onclick = () => (this.request ? this.request.abort() : this.forget())
    this.box.ondragover = event => {
      event.preventDefault()
      this.box.classList.add("over")
    }
    this.box.ondragleave = () => this.box.classList.remove("over")
    this.box.ondrop = event => {
      event.preventDefault()
      this.box.classList.remove("over")
      this.send(event.dataTransfer.files[0])
    }
  }

  update({ data, setTriggerValue }) {
    this.data = data
    this.setTriggerValue = setTriggerValue
    this.label.textContent = data.label
    this.hint.textContent = data.hint
    this.input.accept = data.accepted.map(ending => `.${ending}`).join(",")
    if (!this.request && !this.failed) this.show(data.kept || "", Boolean(data.kept))
  }

  send(file) {
    if (!file || this.request) return
    this.failed = false
    const ending = file.name.split(".").pop().toLowerCase()
    if (!this.data.accepted.includes(ending)) {
      return this.fail(`${file.name}: the ending is none of ${this.data.accepted.join(", ")}.`)
    }
    if (file.size > this.data.most) {
      return this.fail(`${file.name} is larger than ${megabytes(this.data.most)}.`)
    }
    const request = new XMLHttpRequest()
    const { address, ticket } = this.data // the page may give another ticket meanwhile
    this.request = request
    this.input.disabled = true
    this.progress.hidden = false
    this.progress.value = 0
    this.show(`Sending ${file.name}`, true)
    request.upload.onprogress = ({ loaded, total }) => {
      this.progress.value = total ? loaded / total : 0
      this.status.textContent = `${file.name}: ${megabytes(loaded)} of ${megabytes(total)}`
    }
    request.onload = () => {
      this.ended()
      if (request.status !== 204) return this.fail(`${file.name}: ${request.responseText}`)
      this.show(file.name, true)
      this.setTriggerValue("sent", { ticket, name: file.name })
    }
    request.onerror = () => {
      this.ended()
      this.fail(`${file.name} did not arrive: the connection broke. Choose it again.`)
    }
    request.onabort = () => {
      this.ended()
      this.show("Stopped.", false)
      this.setTriggerValue("stopped", true)
    }
    request.open("PUT", `${address}/${encodeURIComponent(ticket)}`)
    request.setRequestHeader("Content-Type", "application/octet-stream")
    request.send(file)
  }

  forget() {
    this.show("", false)
    this.setTriggerValue("stopped", true)
  }

  ended() {
    this.request = null
    this.input.disabled = false
    this.input.value = ""
    this.progress.hidden = true
  }

  fail(reason) {
    this.failed = true
    this.input.value = ""
    this.show(reason, false)
    this.status.classList.add("failed")
    // The ticket may be used up: the page gives another one.
    this.setTriggerValue("stopped", true)
  }

  show(text, canStop) {
    this.status.textContent = text
    this.input.classList.toggle("named", Boolean(text))
    this.status.classList.remove("failed")
    this.stop.hidden = !canStop
    this.stop.textContent = this.request ? "Stop" : "Remove"
  }
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 })} MB`
}
