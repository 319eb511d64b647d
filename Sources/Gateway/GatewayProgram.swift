// `pipeline-serve`: the HTTP side of `pipeline serve`, a program of its own because its library brings all of Foundation.
//
// `pipeline serve` starts it with two pipes. The first line on standard input is a port and a token; what follows on both
// pipes are requests and frames (see Parent). It knows nothing of pipelines or caches and opens no file.

import FlyingFox
import FlyingSocks
@preconcurrency import Glibc

@main
struct GatewayProgram {
  static func main() async {
    let parent = Parent()
    guard let (port, token) = parent.greeting() else {
      fputs("pipeline-serve is started by 'pipeline serve'\n", stderr)
      exit(64)
    }
    signal(SIGPIPE, SIG_IGN)
    do {
      try await serve(on: port, Gateway(token: token, parent: parent), parent)
    } catch SocketError.failed(_, let code, _) {
      parent.tell("failed \(String(cString: strerror(code)))")
    } catch {
      parent.tell("failed \(error)")
    }
    exit(1)
  }

  private static func serve(on port: UInt16, _ gateway: Gateway, _ parent: Parent) async throws {
    // `pipeline serve` answers within seconds; a stream takes as long as a browser listens.
    let server = HTTPServer(
      address: try .inet(ip4: "127.0.0.1", port: port), timeout: 600, logger: .disabled, handler: gateway)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      group.addTask {
        try await server.waitUntilListening(timeout: 10)
        guard case .ip4(_, let bound)? = await server.listeningAddress else {
          throw SocketError.unsupportedAddress
        }
        gateway.listen(on: bound)
        parent.tell("listening \(bound)")
        parent.startReading { frame in gateway.take(frame) }
      }
      while try await group.next() != nil {}
    }
  }
}
