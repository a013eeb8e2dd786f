// Bluesky's own PDS, or the PLC directory it needs, on loopback only.
// usage: node pds_server.mjs pds|plc FOLDER-WITH-node_modules PORT; the PDS takes its PDS_* environment.
// Two processes, as the directory keeps the identities in memory and has to survive the end of the PDS.
import net from 'node:net'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [role, installed, portText] = process.argv.slice(2)
const port = Number(portText)
const require = createRequire(path.join(installed, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)

// Both listen on every interface by themselves.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (where, ...rest) {
  return typeof where === 'number'
    ? listen.call(this, { port: where, host: '127.0.0.1' }, ...rest)
    : listen.call(this, where, ...rest)
}

let server
if (role === 'plc') {
  const loaded = await load('@did-plc/server')
  const { PlcServer, MockDatabase } = loaded.PlcServer ? loaded : loaded.default
  server = PlcServer.create({ db: new MockDatabase(), port })
} else {
  const { PDS, envToCfg, envToSecrets, readEnv } = await load('@atproto/pds')
  const env = readEnv()
  server = await PDS.create(envToCfg(env), envToSecrets(env))
}
await server.start()
console.log(`${role} is up on port ${port}`)
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, async () => {
    await server.destroy()
    process.exit(0)
  })
