import { type Sort, sortOfText, textOfSort } from '../ui/sorting.ts'
import { useQueryParam } from './use-query-param.ts'

/** How a list is sorted, which stands in the address. */
export function useSort(first: Sort): [sort: Sort, onSort: (sort: Sort) => void] {
  const [asked, ask] = useQueryParam('sort')
  return [asked ? sortOfText(asked) : first, (sort) => ask(textOfSort(sort))]
}
