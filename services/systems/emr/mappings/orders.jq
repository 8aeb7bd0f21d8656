# A searchset Bundle of ServiceRequest and MedicationRequest, gathered by order number.
def coding: .coding[0] | {code, name: .display};
def category($code): select(.resourceType == "ServiceRequest" and .category[0].coding[0].code == $code);

[.entry[]?.resource] as $all
| [$all[] | category("laboratory")] as $laboratory
| [$all[] | category("imaging")] as $imaging
| [$all[] | select(.resourceType == "MedicationRequest")] as $drugs
| (if $laboratory == [] then {} else {laboratory: {
    order_no: $laboratory[0].requisition.value,
    items: [$laboratory[].code | coding]
  }} end)
+ (if $imaging == [] then {} else {imaging: {
    accession_number: $imaging[0].requisition.value,
    procedure: ($imaging[0].code | coding),
    modality: $imaging[0].orderDetail[0].text
  }} end)
+ (if $drugs == [] then {} else {pharmacy: {
    prescription_no: $drugs[0].groupIdentifier.value,
    items: [$drugs[] | (.medicationCodeableConcept | coding) + {quantity: .dispenseRequest.quantity.value}]
  }} end)
