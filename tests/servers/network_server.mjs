// Bluesky's own network for tests, on loopback only: PLC directory, PDS, AppView and moderation in one process.
// usage: node network_server.mjs FOLDER-WITH-node_modules PDS-PORT PLC-PORT APPVIEW-PORT OZONE-PORT
// with DB_POSTGRES_URL, DB_POSTGRES_SCHEMA (a new one, of letters and _) and REDIS_HOST in its environment.
// Each SIGUSR2 stops the AppView's indexing or lets it go on, and says "indexing: false" or "indexing: true" then.
import net from 'node:net'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [installed, ...portTexts] = process.argv.slice(2)
const [pds, plc, bsky, ozone] = portTexts.map((text) => ({ port: Number(text) }))
const require = createRequire(path.join(installed, 'package.json'))

// All of them listen on every interface by themselves.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (where, ...rest) {
  return typeof where === 'number'
    ? listen.call(this, { port: where, host: '127.0.0.1' }, ...rest)
    : listen.call(this, where, ...rest)
}

const { TestNetwork } = await import(pathToFileURL(require.resolve('@atproto/dev-env')).href)
const network = await TestNetwork.create({ pds, plc, bsky, ozone })

let indexing = true
process.on('SIGUSR2', async () => {
  const { sub } = network.bsky
  indexing = !indexing
  if (indexing) {
    void sub.start()
  } else {
    // stop() by itself waits for ever for events that it has just thrown away, so none is left for it.
    const { firehose, runner } = sub.current
    await firehose.destroy()
    await runner.processAll()
    await sub.stop()
  }
  console.log(`indexing: ${indexing}`)
})
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, async () => {
    await network.close().catch(() => {})
    process.exit(0)
  })
console.log('the network is up')
