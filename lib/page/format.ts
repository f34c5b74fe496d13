/** Numbers and times as the page writes them. */

const DIGITS = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
/** Longer counts, of IPv6 pools, are only about right. */
const LONGEST = 12;

/** `65,534`, or `1.8 × 10¹⁹` of what nobody counts. */
export function formatCount(count: bigint): string {
  const digits = String(count);
  if (digits.length <= LONGEST) return digits.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  const power = [...String(digits.length - 1)].map((digit) => DIGITS[Number(digit)]).join('');
  return `${digits[0]}.${digits[1]} × 10${power}`;
}

/** Whole percents; 0 and 100 only when nothing or everything is meant. */
export function formatShare(part: bigint, whole: bigint): string {
  if (whole <= 0n || part <= 0n) return '0%';
  if (part >= whole) return '100%';
  const percent = (part * 100n) / whole;
  return percent === 0n ? '<1%' : `${percent}%`;
}

/** `now`, `12 s ago`, `5 min ago`, `2 h ago`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 2) return 'now';
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}
