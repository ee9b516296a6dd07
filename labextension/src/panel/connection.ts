const AGAIN_AFTER_MS = 500;
const AGAIN_AFTER_AT_MOST_MS = 15_000;
/** The server closes with this when what was asked for is not there, and never will be. */
const NOT_THERE = 4404;

export interface Ends {
  opened(): void;
  took(content: unknown): void;
  lost(): void;
}

/** A socket that is opened anew when it was lost, until it is closed or there is nothing at its other end. */
export class Connection {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private delay = AGAIN_AFTER_MS;
  private closed = false;

  constructor(private readonly open: () => WebSocket, private readonly ends: Ends) {
    this.connect();
  }

  /** Sends a message; while there is no connection it is dropped, because `opened` asks for all anew. */
  send(message: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  private connect(): void {
    const socket = this.open();
    this.socket = socket;
    socket.onopen = () => {
      if (this.closed) return;
      this.delay = AGAIN_AFTER_MS;
      this.ends.opened();
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      if (!this.closed) this.ends.took(JSON.parse(event.data));
    };
    socket.onclose = ({ code }) => {
      if (this.closed) return;
      this.socket = null;
      this.ends.lost();
      if (code === NOT_THERE) return;
      this.timer = setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(2 * this.delay, AGAIN_AFTER_AT_MOST_MS);
    };
  }
}
