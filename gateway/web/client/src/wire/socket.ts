// The one place that knows WebSockets. Browsers and Node from 22 on have one; for Node 20
// the package `ws` is one, too: createClient({ webSocket: WebSocket }).

/** What of the standard WebSocket is used. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

export type WebSocketClass = new (url: string, protocol: string) => WebSocketLike;

/** A connection to a gateway: frames of bytes. */
export interface Socket {
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** Ends it: nothing is handed over after that, `onClose` neither. */
  close(code: number): void;
}

export interface SocketHandlers {
  onMessage(bytes: Uint8Array): void;
  /** It ended without being asked to, or never opened. */
  onClose(code: number): void;
}

export type OpenSocket = (url: string, handlers: SocketHandlers) => Socket;

const SUBPROTOCOL = "confab.v1.msgpack";
/** What browsers say of a connection that was cut. */
const CUT = 1006;

/** Opens sockets of that class. */
export function socketsOf(webSocket: WebSocketClass): OpenSocket {
  return (url, handlers) => {
    const socket = new webSocket(url, SUBPROTOCOL);
    const mute = () => (socket.onmessage = socket.onclose = null);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: { data: ArrayBuffer }) => handlers.onMessage(new Uint8Array(data));
    socket.onclose = ({ code }: { code?: number }) => {
      mute();
      handlers.onClose(code ?? CUT);
    };
    // A close follows each error; without a handler `ws` would throw.
    socket.onerror = () => {};
    return {
      send: (bytes) => socket.send(bytes),
      close(code) {
        mute();
        socket.close(code);
      },
    };
  };
}

/** From the address that people open to that of the WebSocket. */
export function socketUrl(url: string): string {
  return new URL("/ws", url).href.replace(/^http/, "ws");
}
