// `pipeline serve`: the report alive, for a browser on this machine.

import ArgumentParser
import FoundationEssentials
import Glibc
import Programs
import Report

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Shows pipelines and runs in a browser, and follows them as they go on.",
    discussion: """
      Prints an address of this machine alone, with a token in it that nobody else knows, and serves until Ctrl-C. It \
      reads the cache only and takes no lock, so it may watch runs of other processes and other hosts.
      """)

  @Option(help: "The port (default: any that is free).") var port: UInt16 = 0
  @Flag(help: "Opens the address in a browser.") var open = false
  @OptionGroup var cache: CacheOptions

  /// Seconds between two looks at the cache while somebody watches.
  private static let pause = 0.5
  /// Seconds after which a stream without news says that it is there: that is how a browser that has gone is noticed.
  private static let heartbeat = 10.0

  func run() throws {
    Self.unblockSignals()
    var project = ServedProject(cache: cache.cache, origin: ReportCommand.origin())
    let token = Self.token()
    var gateway = try Gateway(port: port, token: token)
    let address = "http://127.0.0.1:\(gateway.port)/\(token)/"
    print(address)
    StandardOutput.put([])
    printError("serving \(cache.cache.root), until Ctrl-C")
    if open { Self.open(address) }
    var nextLook = 0.0
    while true {
      let wait = project.isWatched ? max(0, nextLook - LiveView.now) : 60
      guard let requests = gateway.wait(seconds: wait) else {
        printError("error: the HTTP side of pipeline serve, \(Gateway.name), has ended")
        throw Exit.failed
      }
      for request in requests {
        switch request.path {
        case nil: project.close(request.number)
        case let path?:
          switch project.answer(path, to: request.number) {
          case .page(let html): gateway.send(request.number, "page", Array(html.utf8))
          case .missing(let text): gateway.send(request.number, "missing", Array((text + "\n").utf8))
          case .stream(let bytes): gateway.send(request.number, "open", bytes)
          }
        }
      }
      guard LiveView.now >= nextLook else { continue }
      for (number, bytes) in project.news(now: LiveView.now, heartbeat: Self.heartbeat) {
        gateway.send(number, "data", bytes)
      }
      nextLook = LiveView.now + Self.pause
    }
  }

  /// A parent may have started this process from a thread that blocks signals; it is ended by one all the same.
  private static func unblockSignals() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  /// 128 bits that nobody can guess, as 32 digits.
  private static func token() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private static func open(_ address: String) {
    do throws(ProgramError) {
      // What it says is of no interest here, and it may go on as long as the browser.
      _ = try Program(["xdg-open", address], output: .nothing, errors: .nothing, leadsSession: true).start()
    } catch {
      printError("\(error); open the address by hand")
    }
  }
}
