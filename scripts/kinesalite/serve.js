// kinesalite (Kinesis Data Streams) on 127.0.0.1 and a free port, in memory, for the tests.
//
// Prints "KINESALITE READY port" when it listens. It ends when standard input ends. Standard input is a pipe from the test
// process, so kinesalite cannot outlive it.
const kinesalite = require('kinesalite')

const server = kinesalite({ createStreamMs: 0, deleteStreamMs: 0, shardLimit: 1000 })
server.listen(0, '127.0.0.1', () => console.log(`KINESALITE READY ${server.address().port}`))
process.stdin.resume().on('end', () => process.exit(0))
