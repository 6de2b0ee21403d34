// SPDX-License-Identifier: Apache-2.0
// calls.mjs CLIENT URL: makes many calls with kubo-rpc-client (CLIENT is the path of its package) to the API at URL, and
// prints a line for each: its name and what came of it, as JSON. Two nodes of one identity must give the same lines.
import crypto from 'node:crypto'

const [client, url] = process.argv.slice(2)
const { create, globSource, CID } = await import(`${client}/dist/src/index.js`)
const ipfs = create({ url })
const text = string => new TextEncoder().encode(string)
const big = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7919 + (i >> 8)) & 255)
const missing = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
const missingNode = CID.parse('QmYwAPJzv5CZsnA625s1Xf2nemtYgPpHdWEz79ojWnPbdG')

// What can be compared of a result: CIDs as text, bytes as their hash, streams as lists.
async function plain (value) {
  if (value == null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `${value.length} bytes ${crypto.createHash('sha256').update(value).digest('hex').slice(0, 16)}`
  if (typeof value === 'function') return 'function'
  if (CID.asCID(value) != null) return CID.asCID(value).toString()
  if (value instanceof Error) return { error: value.name, message: value.message, cause: value.cause?.message, status: value.response?.status }
  if (value[Symbol.asyncIterator] != null) return await all(value)
  if (Array.isArray(value)) return await Promise.all(value.map(plain))
  if (value instanceof Map) return await plain([...value])
  if (value.constructor?.name === 'PeerId' || value.toCID != null || value.bytes instanceof Uint8Array) return value.toString()
  const result = {}
  for (const key of Object.keys(value).sort()) result[key] = await plain(value[key])
  return result
}

async function all (source) {
  const items = []
  for await (const item of source) items.push(item)
  return items.length > 0 && items.every(item => item instanceof Uint8Array) ? await plain(Buffer.concat(items)) : await Promise.all(items.map(plain))
}

const known = {}

// One call. Lists whose order is not told are sorted.
async function call (name, action, { sorted = false, keep } = {}) {
  let result
  try {
    const value = await action()
    if (keep != null) known[keep] = value
    result = await plain(value)
    if (sorted && Array.isArray(result)) result = result.map(item => JSON.stringify(item)).sort()
  } catch (error) {
    result = await plain(error)
  }
  console.log(JSON.stringify([name, result]))
}

// ---- add

for (const options of [{}, { cidVersion: 1 }, { cidVersion: 0 }, { rawLeaves: true }, { onlyHash: true }, { pin: false }, { wrapWithDirectory: true },
  { chunker: 'size-65536' }, { chunker: 'rabin-4096-8192-16384' }, { hashAlg: 'sha2-512' }, { hashAlg: 'blake2b-256' }, { trickle: true },
  { chunker: 'nonsense' }, { hashAlg: 'nonsense' }, { cidVersion: 9 }, { preload: false }, { inline: true }]) {
  await call(`add ${JSON.stringify(options)}`, () => ipfs.add(text('hello\n'), options))
  await call(`add big ${JSON.stringify(options)}`, () => ipfs.add(big, options))
}
await call('add a string', () => ipfs.add('a string'))
await call('add nothing', () => ipfs.add(''))
await call('add with a path', () => ipfs.add({ path: 'a/b/ä ö%20+.txt', content: text('x') }))
await call('add with mode and time', () => ipfs.add({ path: 'x', content: text('x'), mode: 0o640, mtime: { secs: 1700000000, nsecs: 7 } }))
await call('add a folder', () => ipfs.add({ path: 'folder' }))
await call('add from a generator', () => ipfs.add((async function * () { for (let i = 0; i < 100; i++) yield big.subarray(0, 10_000) })()))
await call('add with progress', async () => {
  const seen = []
  const added = await ipfs.add(big, { progress: (bytes, path) => seen.push([bytes, path]) })
  return { added, seen }
})
await call('addAll', () => ipfs.addAll([{ path: 'd/one', content: text('1') }, { path: 'd/two', content: text('2') }, { path: 'd/e/three', content: big }]))
await call('addAll wrapped', () => ipfs.addAll([{ path: 'one', content: '1' }, { path: 'two', content: '2' }], { wrapWithDirectory: true }))
await call('addAll many', () => ipfs.addAll((function * () { for (let i = 0; i < 300; i++) yield { path: `many/${i}`, content: `${i}` } })()), { keep: 'unused' })
await call('addAll of files on disk', () => ipfs.addAll(globSource('.', '**/*', { hidden: true }), { wrapWithDirectory: true, pin: false }))
await call('add that fails midway', () => ipfs.add((async function * () { yield text('x'); throw new Error('the source broke') })()))

const file = (await ipfs.add(text('hello\n'))).cid
const bigFile = (await ipfs.add(big)).cid
let tree
for await (const entry of ipfs.addAll([{ path: 'd/one', content: '1' }, { path: 'd/ä ö', content: '2' }, { path: 'd/e/f', content: big }])) tree = entry.cid

// ---- reading

for (const options of [{}, { offset: 2 }, { length: 3 }, { offset: 1, length: 2 }, { offset: 99 }, { length: 0 }, { offset: -1 }]) {
  await call(`cat ${JSON.stringify(options)}`, () => ipfs.cat(file, options))
  await call(`cat big ${JSON.stringify(options)}`, () => ipfs.cat(bigFile, options))
}
for (const path of [`/ipfs/${tree}/d/one`, `${tree}/one`, `${tree}/ä ö`, `ipfs://${tree}/one`, `${tree}/nothing`, tree, 'nonsense', '/ipfs/nonsense', '']) {
  await call(`cat ${path}`, () => ipfs.cat(path))
  await call(`ls ${path}`, () => ipfs.ls(path))
  await call(`get ${path}`, async () => crypto.createHash('sha256').update(Buffer.from((await all(ipfs.get(path))).length.toString())).digest('hex'))
  await call(`resolve ${path}`, () => ipfs.resolve(`${path}`))
  await call(`refs ${path}`, () => ipfs.refs(path))
  await call(`files.stat ${path}`, () => ipfs.files.stat(`${path}`))
}
for (const options of [{}, { compress: true, compressionLevel: 6 }, { archive: true }, { archive: true, compress: true, compressionLevel: 1 }]) {
  await call(`get ${JSON.stringify(options)}`, async () => (await all(ipfs.get(file, options))).split(' ')[0] > 0)
}
for (const options of [{ recursive: true }, { unique: true, recursive: true }, { format: '<src> <dst> <linkname>' }, { edges: true }, { maxDepth: 1, recursive: true }]) {
  await call(`refs ${JSON.stringify(options)}`, () => ipfs.refs(tree, options))
}
await call('refs of two', () => ipfs.refs([tree, bigFile]))
await call('refs.local', () => ipfs.refs.local(), { sorted: true })
await call('cat missing', () => ipfs.cat(missing, { timeout: 200 }))
await call('cat missing offline', () => ipfs.cat(missing, { offline: true }))
await call('block.get missing offline', () => ipfs.block.get(missing, { offline: true }))
await call('resolve missing', () => ipfs.resolve(`/ipfs/${missingNode}/x`, { timeout: 200 }))

// ---- blocks and DAGs

for (const options of [{}, { format: 'dag-pb' }, { format: 'raw', mhtype: 'sha2-512' }, { version: 1 }, { pin: true }, { format: 'nonsense' }, { mhtype: 'nonsense' }]) {
  await call(`block.put ${JSON.stringify(options)}`, () => ipfs.block.put(text('a block'), options))
}
await call('block.get', () => ipfs.block.get(file))
await call('block.stat', () => ipfs.block.stat(file))
await call('block.stat of a path', () => ipfs.block.stat('nonsense'))
for (const [name, value, options] of [['cbor', { a: [1, { b: null }], c: file }, {}], ['json', { x: 1 }, { storeCodec: 'dag-json' }], ['bytes', text('raw'), { storeCodec: 'raw', inputCodec: 'raw' }],
  ['sha512', { x: 1 }, { hashAlg: 'sha2-512' }], ['pinned', { p: 1 }, { pin: true }], ['nonsense', { x: 1 }, { storeCodec: 'nonsense' }]]) {
  await call(`dag.put ${name}`, () => ipfs.dag.put(value, options))
}
const node = await ipfs.dag.put({ a: [1, { b: null }], c: file })
for (const path of ['', 'a', 'a/1/b', 'c', 'c/Links', 'nothing']) {
  await call(`dag.get ${path}`, () => ipfs.dag.get(node, { path }))
  await call(`dag.resolve ${path}`, () => ipfs.dag.resolve(node, { path }))
}
await call('dag.get of a file', () => ipfs.dag.get(file))
await call('dag.get missing', () => ipfs.dag.get(missing, { timeout: 200 }))
await call('dag.export', () => ipfs.dag.export(tree))
const car = await (async () => { const parts = []; for await (const part of ipfs.dag.export(tree)) parts.push(part); return Buffer.concat(parts) })()
await call('dag.import', () => ipfs.dag.import([car]))
await call('dag.import unpinned', () => ipfs.dag.import([car], { pinRoots: false }))
await call('dag.import of two', () => ipfs.dag.import((function * () { yield [car]; yield [car] })()))
await call('dag.import cut', () => ipfs.dag.import([car.subarray(0, car.length / 2)]))
await call('dag.import nonsense', () => ipfs.dag.import([text('no car')]))
await call('object.stat', () => ipfs.object?.stat?.(tree))
await call('object.patch', () => ipfs.object?.patch?.rmLink?.(tree, { name: 'one' }))

// ---- pins

const loose = (await ipfs.add(text('loose'), { pin: false })).cid
await call('pin.add', () => ipfs.pin.add(loose))
await call('pin.add again', () => ipfs.pin.add(loose))
await call('pin.add direct', () => ipfs.pin.add(loose, { recursive: false }))
await call('pin.add named', () => ipfs.pin.add(bigFile, { name: 'a name' }))
await call('pin.add a path', () => ipfs.pin.add(`/ipfs/${tree}/e`))
await call('pin.add nonsense', () => ipfs.pin.add('nonsense'))
await call('pin.add missing', () => ipfs.pin.add(missing, { timeout: 200 }))
await call('pin.addAll', () => ipfs.pin.addAll([loose, bigFile, { cid: tree, recursive: true }]))
for (const options of [{}, { type: 'recursive' }, { type: 'direct' }, { type: 'indirect' }, { paths: loose }, { paths: [loose, bigFile] }, { paths: missing }, { type: 'nonsense' }, { names: true }, { name: 'a name' }]) {
  await call(`pin.ls ${JSON.stringify(options)}`, () => ipfs.pin.ls(options), { sorted: true })
}
await call('pin.rm', () => ipfs.pin.rm(loose))
await call('pin.rm again', () => ipfs.pin.rm(loose))
await call('pin.rmAll', () => ipfs.pin.rmAll([bigFile, `/ipfs/${tree}/e`]))
await call('pin.rmAll with one that is not there', () => ipfs.pin.rmAll([tree, missing]))

// ---- files

const steps = [
  ['mkdir', '/js'], ['mkdir', '/js'], ['mkdir', '/js/a/b', { parents: true }], ['write', '/js/f', text('first'), { create: true }], ['write', '/js/f', text('F')],
  ['write', '/js/f', text('xx'), { offset: 2 }], ['write', '/js/f', text('cut'), { truncate: true }], ['write', '/js/g', big.subarray(0, 1_500_000), { create: true, cidVersion: 1, rawLeaves: true }],
  ['write', '/js/h/i', text('deep'), { create: true, parents: true }], ['write', '/js/none', text('x')], ['write', '/js/n', text('abcdef'), { create: true, length: 3 }],
  ['cp', `/ipfs/${tree}`, '/js/tree'], ['cp', '/js/f', '/js/copy'], ['cp', '/js/none', '/js/x'], ['mv', '/js/copy', '/js/moved'],
  ['ls', '/js'], ['ls', '/js/f'], ['ls', '/none'], ['ls'], ['stat', '/js'], ['stat', '/js/f'], ['stat', '/js/f', { hash: true }], ['stat', '/js', { withLocal: true }], ['stat', '/none'],
  ['stat', `/ipfs/${tree}`], ['read', '/js/f'], ['read', '/js/g'], ['read', '/js/g', { offset: 100, length: 10 }], ['read', '/js'], ['read', '/none'], ['flush', '/js'], ['flush', '/none'],
  ['rm', '/js/moved'], ['rm', '/js'], ['rm', ['/js/f', '/js/g']],
  ['rm', '/js', { recursive: true }], ['rm', '/none'], ['mkdir', 'relative'], ['mkdir', '/ä ö%2F+?&='], ['ls', '/'], ['rm', '/ä ö%2F+?&=', { recursive: true }]]
for (const [name, ...words] of steps) {
  await call(`files.${name} ${words.map(word => word instanceof Uint8Array ? word.length : JSON.stringify(word))}`, () => ipfs.files[name](...words))
}

// ---- keys and names

await call('key.gen', async () => typeof (await ipfs.key.gen('js')).id)
await call('key.gen again', () => ipfs.key.gen('js'))
await call('key.list', async () => (await ipfs.key.list()).map(key => key.name).sort())
await call('key.rename', async () => { const { was, now, overwrite } = await ipfs.key.rename('js', 'js2'); return { was, now, overwrite } })
await call('key.rename none', () => ipfs.key.rename('none', 'x'))
await call('name.publish', async () => (await ipfs.name.publish(tree, { key: 'js2', allowOffline: true })).value)
await call('name.publish offline', () => ipfs.name.publish(tree, { key: 'js2' }))
await call('name.publish nonsense', () => ipfs.name.publish('nonsense', { allowOffline: true }))
await call('key.rm', async () => (await ipfs.key.rm('js2')).name)
await call('key.rm again', () => ipfs.key.rm('js2'))
await call('name.publish self', async () => (await ipfs.name.publish(tree, { allowOffline: true })).value)
const self = `/ipns/${(await ipfs.id()).id}`
await call('name.resolve', () => ipfs.name.resolve(self))
await call('name.resolve of a domain', () => ipfs.name.resolve('/ipns/no.such.invalid'))
for (const path of [self, `${self}/one`, `${self}/none`]) {
  await call(`cat ${path}`, () => ipfs.cat(path))
  await call(`ls ${path}`, () => ipfs.ls(path))
  await call(`refs ${path}`, () => ipfs.refs(path))
  await call(`resolve ${path}`, () => ipfs.resolve(path))
  await call(`pin.add ${path}`, () => ipfs.pin.add(path))
  await call(`files.stat ${path}`, () => ipfs.files.stat(path))
}
await call('name.pubsub.state', () => ipfs.name.pubsub.state())
await call('name.pubsub.subs', () => ipfs.name.pubsub.subs(), { sorted: true })

// ---- the node

await call('id', () => ipfs.id())
await call('version', () => ipfs.version())
await call('repo.stat', async () => { const { numObjects, version } = await ipfs.repo.stat(); return [typeof numObjects, version] })
await call('repo.version', () => ipfs.repo.version())
await call('stats.repo', async () => (await ipfs.stats.repo()).version)
await call('stats.bitswap', async () => Object.keys(await ipfs.stats.bitswap()))
await call('stats.bw', async () => { for await (const item of ipfs.stats.bw()) return Object.keys(item) })
await call('swarm.peers', () => ipfs.swarm.peers())
await call('swarm.addrs', () => ipfs.swarm.addrs())
await call('swarm.localAddrs', () => ipfs.swarm.localAddrs())
await call('bitswap.wantlist', () => ipfs.bitswap.wantlist())
await call('bootstrap.list', () => ipfs.bootstrap.list())
await call('isOnline', () => ipfs.isOnline())
await call('commands', async () => typeof (await ipfs.commands()))
await call('routing.findProvs', () => ipfs.routing?.findProvs?.(missing, { timeout: 200 }))

// ---- pubsub

await call('pubsub.peers', () => ipfs.pubsub.peers('js'))
await call('pubsub', async () => {
  const heard = []
  let done
  const whole = new Promise(resolve => { done = resolve })
  const listen = message => { heard.push([message.topic, message.data]); if (heard.length === 3) done() }
  await ipfs.pubsub.subscribe('js ä/', listen)
  const topics = await ipfs.pubsub.ls()
  for (const data of ['one', 'two\n', new Uint8Array([0, 255])]) await ipfs.pubsub.publish('js ä/', typeof data === 'string' ? text(data) : data)
  await whole
  await ipfs.pubsub.unsubscribe('js ä/', listen)
  return { heard, topics: topics.filter(topic => topic.startsWith('js')) }
})

// ---- ends

for (const [name, start] of Object.entries({
  cat: signal => ipfs.cat(missing, { signal }),
  'pin.add': signal => ipfs.pin.add(missing, { signal }),
  'dag.get': signal => ipfs.dag.get(missing, { signal }),
  refs: signal => ipfs.refs(missingNode, { signal, recursive: true })
})) {
  await call(`${name} aborted`, async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 200)
    const result = start(abort.signal)
    return result[Symbol.asyncIterator] != null ? await all(result) : await result
  })
}
await call('a stream that is left midway', async () => { for await (const piece of ipfs.cat(bigFile)) return piece.length > 0 })
process.exit(0)
