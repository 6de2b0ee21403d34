// SPDX-License-Identifier: Apache-2.0
// golden.mjs CLIENT: for each line of its input, {url, headers, code}, evaluates the code with `ipfs` (kubo-rpc-client, from the
// path CLIENT) and some values, and prints a line: what came of it, and what had come before an error.
import readline from 'node:readline'

const { create, CID } = await import(`${process.argv[2]}/dist/src/index.js`)
const AsyncFunction = (async () => {}).constructor
const cid = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')

async function * stalls () {
  yield new TextEncoder().encode('the beginning')
  await new Promise(resolve => setTimeout(resolve, 60_000).unref())
}

async function evaluate ({ url, headers, code }) {
  const got = []
  const each = async source => { for await (const item of source) got.push(item instanceof Uint8Array ? `${item.length} bytes` : JSON.stringify(item)) }
  try {
    await new AsyncFunction('ipfs', 'cid', 'each', 'stalls', code)(create({ url, headers }), cid, each, stalls)
    return { got }
  } catch (error) {
    return { got, name: error.name, message: error.message, cause: error.cause?.message }
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await evaluate(JSON.parse(line))))
}
process.exit(0)
