/** Looks up the words of the screen in a catalogue. `t` takes a message's id; an unknown id is a type error. */
import { i18n } from "@lingui/core";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import { type MessageId, messagesEn } from "./messages.en";

i18n.setMessagesCompiler(compileMessage);
i18n.loadAndActivate({ locale: "en", messages: messagesEn });

export function t(id: MessageId, values?: Record<string, string | number>): string {
  return i18n._(id, values);
}

/** Hours and minutes in this locale's format, preceded by the day unless it is today. */
export function formatTime(atMs: number, nowMs: number = Date.now()): string {
  const at = new Date(atMs);
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  return i18n.date(at, sameDay ? clock : { ...clock, day: "numeric", month: "short" });
}

/** For the list: the time if it is today, else the day. */
export function formatDay(atMs: number, nowMs: number = Date.now()): string {
  const at = new Date(atMs);
  if (at.toDateString() === new Date(nowMs).toDateString()) return formatTime(atMs, nowMs);
  const sameYear = at.getFullYear() === new Date(nowMs).getFullYear();
  return i18n.date(at, sameYear ? { day: "numeric", month: "short" } : { day: "numeric", month: "short", year: "numeric" });
}

/** `8 s`, `2 min 05 s`, `1 h 12 min`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 60) return t("duration.seconds", { seconds });
  if (seconds < 3600) {
    return t("duration.minutes", { minutes: Math.floor(seconds / 60), seconds: String(seconds % 60).padStart(2, "0") });
  }
  return t("duration.hours", { hours: Math.floor(seconds / 3600), minutes: Math.floor((seconds % 3600) / 60) });
}

export function formatCount(count: number): string {
  return i18n.number(count);
}
