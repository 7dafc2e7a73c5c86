import { type Sort, sortOfText, textOfSort } from '../ui/sorting.ts'
import { useQueryParam } from './use-query-param.ts'

/** Returns the sort order of a list, which is stored in the URL, and its setter. */
export function useSort(first: Sort): [sort: Sort, onSort: (sort: Sort) => void] {
  const [asked, ask] = useQueryParam('sort')
  return [asked ? sortOfText(asked) : first, (sort) => ask(textOfSort(sort))]
}
