{
  total: .ZJE,
  lines: [.MX.XM[] | {number: .XH, code: .BM, name: .MC, count: .SL, price: .DJ, amount: .JE}]
}
