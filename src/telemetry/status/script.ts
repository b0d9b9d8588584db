/**
 * The script of the status page, which is whole without it: at each event it fetches the page, and puts
 * its new content in the place of the old. It waits while somebody presses a button or selects text,
 * keeps the focus, and lets go of its stream while nobody looks.
 */
export const SCRIPT = `
const live = document.getElementById('live')
let source, timer, busy = false
const tell = (text) => { if (live.textContent !== text) live.textContent = text }
const replace = (id, page) => {
  const [now, next] = [document.getElementById(id), page.getElementById(id)]
  if (next && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML
}
async function update() {
  if (busy || document.querySelector('button:active') || !getSelection().isCollapsed) return
  busy = true
  try {
    const answer = await fetch(location.pathname, { headers: { accept: 'text/html' } })
    if (!answer.ok) return tell('Not live: the gateway answers ' + answer.status + '.')
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const focused = document.activeElement.id
    for (const id of ['summary', 'time', 'content']) replace(id, page)
    tell('Live')
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true })
  } catch {
    tell('Not live: the gateway does not answer.')
  } finally {
    busy = false
  }
}
function connect() {
  clearTimeout(timer)
  source?.close()
  if (document.hidden) return
  source = new EventSource(location.pathname)
  source.addEventListener('status', update)
  source.onerror = () => {
    tell('Not live: waiting for the gateway.')
    if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, 10000)
  }
}
document.addEventListener('visibilitychange', connect)
connect()
`
