/** Numbers as the page writes them. */

/** `65,534`; every digit, however many. */
export function formatCount(count: bigint | number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** Whole percents; 0 and 100 only when nothing or everything is meant. */
export function formatShare(part: bigint, whole: bigint): string {
  if (whole <= 0n || part <= 0n) return '0%';
  if (part >= whole) return '100%';
  const percent = (part * 100n) / whole;
  return percent === 0n ? '<1%' : `${percent}%`;
}
