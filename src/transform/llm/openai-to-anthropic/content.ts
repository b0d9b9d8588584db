import type { Block, ImageType } from '../anthropic.js'
import type { Ignored } from '../ignored.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, type Rules } from '../rules.js'

const IMAGES: readonly ImageType[] = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']
const DATA_URL = /^data:([^;,]{1,100});base64,/i

type Reader = (part: Part, ignored: Ignored) => Block | undefined

/** How a part of a user's message is read, by its type; text that is empty is left out. */
const PARTS: Readonly<Record<string, Reader>> = {
  text: (part) => textBlock(part.get('text')),
  image_url: (part, ignored) => imageBlock(part.get('image_url'), ignored),
  file: (part, ignored) => documentBlock(part.get('file'), ignored),
}

/** The blocks of a user's message. */
export function readUserContent(content: Part, ignored: Ignored): Block[] {
  if (content.isText) return blocks([textBlock(content)])
  return blocks(
    content.items().map((part) => {
      const type = part.get('type')
      const read = Object.hasOwn(PARTS, type.text()) ? PARTS[type.text()] : undefined
      return read === undefined
        ? type.unsupported('only text, images and PDF files are translated')
        : read(part, ignored)
    }),
  )
}

/** A text, as a string or in parts; what the model has refused to say is text as well. */
export function readText(content: Part): string[] {
  if (content.isAbsent) return []
  if (content.isText) return [content.text()]
  return content.items().map((part) => {
    const type = part.get('type')
    if (type.text() === 'refusal') return part.get('refusal').text()
    return type.text() === 'text'
      ? part.get('text').text()
      : type.unsupported('only text can be here')
  })
}

/** The Messages API refuses a block without text. */
function textBlock(text: Part): Block | undefined {
  return text.text() === '' ? undefined : { type: 'text', text: text.text() }
}

const blocks = (list: readonly (Block | undefined)[]): Block[] =>
  list.filter((block) => block !== undefined)

const IMAGE_RULES: Rules<Ignored> = {
  url: readElsewhere,
  detail: (member, ignored) => {
    if (member.text() !== 'auto') ignored.add(member)
  },
}

function imageBlock(image: Part, ignored: Ignored): Block {
  applyRules(image, IMAGE_RULES, ignored, ignored)
  const url = image.get('url')
  if (/^https:/i.test(url.text()))
    return { type: 'image', source: { type: 'url', url: url.text() } }
  const { type, data } = dataOf(url)
  const media_type = IMAGES.find((known) => known === type)
  if (media_type === undefined) return url.unsupported('must be a JPEG, PNG, GIF or WebP image')
  return { type: 'image', source: { type: 'base64', media_type, data } }
}

const FILE_RULES: Rules<unknown> = {
  file_data: readElsewhere,
  filename: readElsewhere,
  file_id: (member) => member.unsupported('a file of the other provider is not known here'),
}

function documentBlock(file: Part, ignored: Ignored): Block {
  applyRules(file, FILE_RULES, undefined, ignored)
  const content = file.get('file_data')
  const title = file.get('filename').textIfAny()
  const { type, data } = dataOf(content)
  if (type !== 'application/pdf') content.unsupported('must be a PDF file')
  return {
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data },
    ...(title !== undefined && title !== '' && { title }),
  }
}

/** Media type and base64 text of a data URL (RFC 2397). */
function dataOf(url: Part): { readonly type: string; readonly data: string } {
  const [head, type] = DATA_URL.exec(url.text()) ?? []
  if (head === undefined || type === undefined)
    return url.unsupported('must be a data URL in base64, or for an image an https URL')
  return { type: type.toLowerCase(), data: url.text().slice(head.length) }
}
