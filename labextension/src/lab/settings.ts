import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export interface PanelSettings {
  updateEveryMs: number;
  notifications: boolean;
  keepDays: number;
}

export const DEFAULTS: PanelSettings = { updateEveryMs: 250, notifications: true, keepDays: 0 };

export function settingsFrom(settings: ISettingRegistry.ISettings): PanelSettings {
  const { updateEveryMs, notifications, keepDays } = settings.composite as Partial<Record<keyof PanelSettings, unknown>>;
  return {
    updateEveryMs: typeof updateEveryMs === "number" ? updateEveryMs : DEFAULTS.updateEveryMs,
    notifications: typeof notifications === "boolean" ? notifications : DEFAULTS.notifications,
    keepDays: typeof keepDays === "number" ? keepDays : DEFAULTS.keepDays,
  };
}
