<?xml version="1.0" encoding="UTF-8"?>
<!-- The acknowledgement of WS/T 846 (MCCI_IN000002UV01); it must not itself be acknowledged, hence NE. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns="urn:hl7-org:v3">
  <xsl:output method="xml" encoding="UTF-8"/>
  <xsl:template match="/*">
    <MCCI_IN000002UV01 ITSVersion="XML_1.0">
      <id root="2.16.156.10011.2.5.1.1" extension="{*[local-name()='id']}"/>
      <creationTime value="{*[local-name()='time']}"/>
      <interactionId root="2.16.156.10011.2.5.1.2" extension="MCCI_IN000002UV01"/>
      <processingCode code="P"/>
      <processingModeCode/>
      <acceptAckCode code="NE"/>
      <receiver typeCode="RCV">
        <device classCode="DEV" determinerCode="INSTANCE">
          <id><item root="2.16.156.10011.2.5.1.3" extension="{*[local-name()='receiver']}"/></id>
        </device>
      </receiver>
      <sender typeCode="SND">
        <device classCode="DEV" determinerCode="INSTANCE">
          <id><item root="2.16.156.10011.2.5.1.3" extension="MERIDIAN"/></id>
        </device>
      </sender>
      <acknowledgement typeCode="AA">
        <targetMessage><id extension="{*[local-name()='target']}"/></targetMessage>
        <acknowledgementDetail><text value="处理成功"/></acknowledgementDetail>
      </acknowledgement>
    </MCCI_IN000002UV01>
  </xsl:template>
</xsl:stylesheet>
