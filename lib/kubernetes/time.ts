/** Milliseconds since the Unix epoch as `metav1.Time` writes them: RFC 3339, UTC, whole seconds. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
