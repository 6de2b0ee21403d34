// SPDX-License-Identifier: Apache-2.0
// roles.mjs CLIENT URL AUTHORIZATION CID BLOCK NAME: makes calls of every class with kubo-rpc-client (CLIENT is the path of its
// package), with AUTHORIZATION as the header's value (empty: none), and prints a line for each: its name and, if it failed, the
// error, as JSON. CID is a folder with a file `a`, BLOCK a raw block, NAME names what is made.
const [client, url, authorization, folder, raw, name] = process.argv.slice(2)
const { create, CID } = await import(`${client}/dist/src/index.js`)
const ipfs = create(authorization === '' ? { url } : { url, headers: { authorization } })
const text = string => new TextEncoder().encode(string)
const cid = CID.parse(folder)
const block = CID.parse(raw)

async function drain (source) {
  for await (const item of source) if (item == null) throw new Error('nothing')
}

// A CARv1 without blocks, whose root is the identity CID of nothing.
const car = Uint8Array.from([0x19, 0xa2, 0x65, ...text('roots'), 0x81, 0xd8, 0x2a, 0x45, 0x00, 0x01, 0x55, 0x00, 0x00, 0x67, ...text('version'), 0x01])

const calls = {
  version: () => ipfs.version(),
  cat: () => drain(ipfs.cat(`/ipfs/${cid}/a`)),
  ls: () => drain(ipfs.ls(cid)),
  get: () => drain(ipfs.get(cid)),
  refs: () => drain(ipfs.refs(cid)),
  resolve: () => ipfs.resolve(`/ipfs/${cid}/a`),
  'block.get': () => ipfs.block.get(block),
  'block.stat': () => ipfs.block.stat(block),
  'dag.get': () => ipfs.dag.get(cid),
  'dag.export': () => drain(ipfs.dag.export(cid)),
  add: () => ipfs.add(text(name)),
  addAll: () => drain(ipfs.addAll([{ path: 'x/y', content: text(name) }, { path: 'x/z', content: text('z') }])),
  'block.put': () => ipfs.block.put(text(name)),
  'dag.put': () => ipfs.dag.put({ name }),
  'dag.import': () => drain(ipfs.dag.import([car])),
  'pin.add': () => ipfs.pin.add(cid),
  'pin.addAll': () => drain(ipfs.pin.addAll([cid, block])),
  'pin.ls': () => drain(ipfs.pin.ls()),
  'pin.rm': () => ipfs.pin.rm(block),
  'files.mkdir': () => ipfs.files.mkdir(`/${name}`),
  'files.ls': () => drain(ipfs.files.ls('/')),
  'files.write': () => ipfs.files.write(`/${name}/f`, text('x'), { create: true }),
  'files.stat': () => ipfs.files.stat('/'),
  'files.read': () => drain(ipfs.files.read('/kept')),
  'key.list': () => ipfs.key.list(),
  'key.gen': () => ipfs.key.gen(name),
  'name.publish': () => ipfs.name.publish(cid, { allowOffline: true }),
  id: () => ipfs.id(),
  'swarm.peers': () => ipfs.swarm.peers(),
  'repo.stat': () => ipfs.repo.stat(),
  'pubsub.ls': () => ipfs.pubsub.ls(),
  'pubsub.publish': () => ipfs.pubsub.publish('topic', text('x')),
  'config.getAll': () => ipfs.config.getAll(),
  'config.set': () => ipfs.config.set('Addresses.API', '/ip4/0.0.0.0/tcp/5001'),
  stop: () => ipfs.stop(),
  'repo.gc': () => drain(ipfs.repo.gc()),
  'log.ls': () => ipfs.log.ls(),
  'block.rm': () => drain(ipfs.block.rm(block)),
  'swarm.connect': () => ipfs.swarm.connect('/ip4/127.0.0.1/tcp/1/p2p/12D3KooWAGzHFoCYfbd7K8f2mo99zCR5aECe2jSWKjeehyW7c3Wh'),
  'pin.remote.service.ls': () => ipfs.pin.remote.service.ls()
}

for (const [call, action] of Object.entries(calls)) {
  try {
    await action()
    console.log(JSON.stringify({ call }))
  } catch (error) {
    console.log(JSON.stringify({ call, error: error.name, message: error.message, status: error.response?.status }))
  }
}
process.exit(0)
