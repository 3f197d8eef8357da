// Preloaded into node (NODE_OPTIONS=--require) where node itself does not read HTTP_PROXY and HTTPS_PROXY for `fetch`,
// `http` and `https`: before 22.21 and 24. Every connection becomes a tunnel through the proxy.
"use strict";

const [major, minor] = process.versions.node.split(".").map(Number);
const readsTheEnvironment = major >= 24 || (major === 22 && minor >= 21);
const proxy = process.env.HTTPS_PROXY || process.env.HTTP_PROXY;

if (proxy && !readsTheEnvironment) {
  const http = require("node:http");
  const https = require("node:https");
  const tls = require("node:tls");
  const { hostname, port } = new URL(proxy);
  const direct = new http.Agent(); // `agent: false` would make one of the global agent's class

  function tunnel(host, toPort, secure, options, done) {
    const authority = `${host.includes(":") ? `[${host}]` : host}:${toPort}`;
    const asking = http.request({ host: hostname, port, method: "CONNECT", path: authority, agent: direct });
    asking.once("connect", (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        done(new Error(`the proxy answered CONNECT ${authority} with ${answer.statusCode}`));
      } else if (!secure) {
        done(null, socket);
      } else {
        const secured = tls.connect({ ...options, socket, servername: options.servername || host });
        secured.once("secureConnect", () => done(null, secured));
        secured.once("error", done);
      }
    });
    asking.once("error", done);
    asking.end();
  }

  for (const [module, secure, usual] of [[http, false, 80], [https, true, 443]]) {
    class ThroughTheProxy extends module.Agent {
      createConnection(options, done) {
        tunnel(options.host || options.hostname, options.port || usual, secure, options, done);
      }
    }
    module.globalAgent = new ThroughTheProxy({ keepAlive: true });
  }

  // Node's own fetch: its dispatcher is made when it is first looked at, and its class takes a connector.
  const dispatcher = Symbol.for("undici.globalDispatcher.1");
  try {
    void globalThis.fetch;
    fetch("data:,").catch(() => {});
    const Agent = globalThis[dispatcher].constructor;
    globalThis[dispatcher] = new Agent({
      connect({ hostname: host, port: toPort, protocol, servername }, done) {
        const secure = protocol === "https:";
        const options = { servername, ALPNProtocols: ["http/1.1"] };
        tunnel(host, toPort || (secure ? 443 : 80), secure, options, done);
      },
    });
  } catch {
    // A node without fetch.
  }
}
