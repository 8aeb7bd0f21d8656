{
  order_no: .orderNo,
  visit_no: .visitNo,
  status: .status,
  issued_at: .issuedAt,
  results: [.results.result[] | {code: .itemCode, name: .itemName, value, unit, reference}]
}
