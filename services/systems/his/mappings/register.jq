{
  JZLSH: .visit_no,
  KSDM: .department,
  YSGH: .doctor,
  XM: .patient.name,
  SFZH: .patient.id_no,
  XB: .patient.sex,
  CSRQ: (.patient.birth_date | gsub("-"; "")),
  LXDH: .patient.phone
}
