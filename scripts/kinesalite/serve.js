// kinesalite (Kinesis Data Streams) on 127.0.0.1 and a free port, in memory, for the tests.
//
// Prints "KINESALITE READY port" once it listens, and ends when standard input does: whoever started it holds the other
// end of that pipe, so it cannot outlive a test process.
const kinesalite = require('kinesalite')

const server = kinesalite({ createStreamMs: 0, deleteStreamMs: 0, shardLimit: 1000 })
server.listen(0, '127.0.0.1', () => console.log(`KINESALITE READY ${server.address().port}`))
process.stdin.resume().on('end', () => process.exit(0))
