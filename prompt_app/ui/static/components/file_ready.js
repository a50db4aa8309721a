// Starts the download of a file that was just made, once.

const started = new Set()

export default function ({ data }) {
  if (started.has(data.address)) return
  started.add(data.address)
  const link = document.createElement("a")
  link.href = data.address
  link.download = data.name
  link.click()
}
