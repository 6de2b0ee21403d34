// SPDX-License-Identifier: Apache-2.0
// pins.mjs CLIENT URL: for each line of its input, {id, token, command, cid, options, cutMs}, makes that call of `ipfs.pin` with
// kubo-rpc-client (CLIENT is the path of its package), many at once; cutMs: aborts it then. Prints {id, message} as each ends; no
// message: it went well.
import readline from 'node:readline'

const [client, url] = process.argv.slice(2)
const { create, CID } = await import(`${client}/dist/src/index.js`)
const clients = new Map()

function clientOf (token) {
  if (!clients.has(token)) clients.set(token, create({ url, headers: { authorization: `Bearer ${token}` } }))
  return clients.get(token)
}

async function make ({ id, token, command, cid, options, cutMs }) {
  const signal = cutMs == null ? undefined : AbortSignal.timeout(cutMs)
  try {
    await clientOf(token).pin[command](CID.parse(cid), { ...options, signal })
    return { id }
  } catch (error) {
    return { id, message: signal?.aborted ? 'aborted' : error.message }
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  make(JSON.parse(line)).then(result => console.log(JSON.stringify(result)))
}
process.exit(0)
