/** What the panel needs of a server that shows runs; paths are seen from `flyte-nb/`. */
export interface Server {
  /** Asks for JSON. Throws an Error with the server's own reason. */
  ask(path: string, method?: string, body?: unknown): Promise<unknown>;
  socket(path: string): WebSocket;
}

/** The JSON of a response, or the reason in it as an error. */
export async function contentOf(response: Response): Promise<unknown> {
  const text = await response.text();
  let content: unknown = null;
  try {
    content = text === "" ? null : JSON.parse(text);
  } catch {
    // A proxy or a login page answers with something else.
  }
  if (response.ok) return content;
  const reason = (content as { error?: unknown } | null)?.error;
  throw new Error(typeof reason === "string" ? reason : `The server answered ${response.status} ${response.statusText}.`);
}

export function runPath(name: string, ...more: string[]): string {
  return ["api/runs", encodeURIComponent(name), ...more.map(encodeURIComponent)].join("/");
}
