/** A body of about so many bytes that the schema `order` accepts, when the quantity is a number. */
export function orderOf(bytes: number, quantity: unknown = 2): string {
  const item = { sku: 'AB-1234', quantity: 2 }
  const size = JSON.stringify(item).length + 1
  const items = Array.from({ length: Math.round((bytes - 100) / size) }, () => item)
  const last = { sku: 'AB-1234', quantity }
  return JSON.stringify({ customer: 'Ada', note: 'leave it at the door', items: [...items, last] })
}
