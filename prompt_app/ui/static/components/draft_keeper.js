// Keeps what is written and not saved in this tab, and gives it back after a reload.

const seen = new WeakSet()

export default function ({ parentElement, data, setTriggerValue }) {
  const before = seen.has(parentElement) ? null : read(data.place)
  seen.add(parentElement)
  if (before && !data.value) setTriggerValue("found", { place: data.place, value: before })
  else write(data.place, data.value)
}

function read(place) {
  try {
    return sessionStorage.getItem(place)
  } catch {
    return null // the browser keeps nothing for this site
  }
}

function write(place, value) {
  try {
    if (value) sessionStorage.setItem(place, value)
    else sessionStorage.removeItem(place)
  } catch {
    // full, or not allowed: the text is still in the session
  }
}
