# The national envelope. mdtrtarea_admvs and insuplc_admdvs are spelled as published.
{
  infno,
  msgid,
  mdtrtarea_admvs: "110105",
  insuplc_admdvs: (.insuplc_admdvs // ""),
  recer_sys_code: "MERIDIAN",
  dev_no: "",
  dev_safe_info: "",
  cainfo: "",
  signtype: "",
  infver: "V1.0",
  opter_type: "2",
  opter: "kiosk",
  opter_name: "自助机",
  inf_time: (now + 28800 | strftime("%Y-%m-%d %H:%M:%S")),
  fixmedins_code: .msgid[0:12],
  fixmedins_name: "示例医院",
  sign_no: "",
  input
}
