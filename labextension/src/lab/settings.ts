import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export interface PanelSettings {
  updateEveryMs: number;
  notifications: boolean;
  keepDays: number;
}

export const DEFAULTS: PanelSettings = { updateEveryMs: 250, notifications: true, keepDays: 0 };

function settingsFrom(settings: ISettingRegistry.ISettings): PanelSettings {
  const { updateEveryMs, notifications, keepDays } = settings.composite as Partial<Record<keyof PanelSettings, unknown>>;
  return {
    updateEveryMs: typeof updateEveryMs === "number" ? updateEveryMs : DEFAULTS.updateEveryMs,
    notifications: typeof notifications === "boolean" ? notifications : DEFAULTS.notifications,
    keepDays: typeof keepDays === "number" ? keepDays : DEFAULTS.keepDays,
  };
}

/** Gives settings as they are and whenever they change; gives back what ends that. */
export function followSettings(settings: ISettingRegistry.ISettings, take: (taken: PanelSettings) => void): () => void {
  const changed = () => take(settingsFrom(settings));
  changed();
  settings.changed.connect(changed);
  return () => { settings.changed.disconnect(changed); };
}
