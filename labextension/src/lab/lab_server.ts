import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import { contentOf, type Server } from "../panel/server";

/** The Jupyter server of this page, asked as JupyterLab asks it: with its base URL, its token and its XSRF cookie. */
export class LabServer implements Server {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  async ask(path: string, method = "GET", body?: unknown): Promise<unknown> {
    const address = URLExt.join(this.settings.baseUrl, "flyte-nb", path);
    const request = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return contentOf(await ServerConnection.makeRequest(address, request, this.settings));
  }

  socket(path: string): WebSocket {
    const { wsUrl, appendToken, token, WebSocket: Socket } = this.settings;
    const address = URLExt.join(wsUrl, "flyte-nb", path);
    return new Socket(appendToken && token !== "" ? `${address}?token=${encodeURIComponent(token)}` : address);
  }

  /** Address of the page of a run outside JupyterLab. */
  pageOf(run: string): string {
    return URLExt.join(this.settings.baseUrl, "flyte-nb/runs", encodeURIComponent(run));
  }
}
