"""Describes the codes of the AddressBase classification scheme.

Lists every class of two and four characters, and the six-character classes that are common in a town. An unlisted code takes the
description of the class above it. Source: OS AddressBase products classification scheme.
"""

import re
from functools import lru_cache

_SCHEME = """
C Commercial
CA Agricultural
CA01 Farm / Non-Residential Associated Building
CA02 Fishery
CA03 Horticulture
CA04 Slaughter House / Abattoir
CB Ancillary Building
CC Community Services
CC02 Law Court
CC03 Prison
CC04 Public / Village Hall / Other Community Facility
CC04YR Youth Recreational / Social Club
CC05 Public Convenience
CC06 Cemetery / Crematorium / Graveyard. In Current Use.
CC07 Church Hall / Religious Meeting Place / Hall
CC08 Community Service Centre / Office
CC09 Public Household Waste Recycling Centre (HWRC)
CC10 Recycling Site
CC11 CCTV
CC12 Job Centre
CE Education
CE01 College
CE01FE Further Education
CE01HE Higher Education
CE02 Children's Nursery / Crèche
CE03 Preparatory / First / Primary / Infant / Junior / Middle School
CE03FS First School
CE03IS Infant School
CE03JS Junior School
CE03MS Middle School
CE03NP Non State Primary / Preparatory School
CE03PS Primary School
CE04 Secondary / High School
CE04NS Non State Secondary School
CE04SS Secondary School
CE05 University
CE06 Special Needs Establishment.
CE07 Other Educational Establishment
CH Hotel / Motel / Boarding / Guest House
CH01 Boarding / Guest House / Bed And Breakfast / Youth Hostel
CH01YH Youth Hostel
CH02 Holiday Let/Accomodation/Short-Term Let Other Than CH01
CH03 Hotel/Motel
CI Industrial Applicable to manufacturing, engineering, maintenance, storage / wholesale distribution and extraction sites
CI01 Factory/Manufacturing
CI01BW Brewery
CI01PW Printing Works
CI02 Mineral / Ore Working / Quarry / Mine
CI03 Workshop / Light Industrial
CI03GA Servicing Garage
CI04 Warehouse / Store / Storage Depot
CI04PL Postal Sorting / Distribution
CI05 Wholesale Distribution
CI06 Recycling Plant
CI07 Incinerator / Waste Transfer Station
CI08 Maintenance Depot
CL Leisure - Applicable to recreational sites and enterprises
CL01 Amusements
CL02 Holiday / Campsite
CL03 Library
CL03RR Reading Room
CL04 Museum / Gallery
CL04AC Art Centre / Gallery
CL06 Indoor / Outdoor Leisure / Sporting Activity / Centre
CL06LS Activity / Leisure / Sports Centre
CL06PF Playing Field
CL06RG Recreation Ground
CL07 Bingo Hall / Cinema / Conference / Exhibition Centre / Theatre / Concert Hall
CL07CI Cinema
CL07EX Conference / Exhibition Centre
CL07TH Theatre
CL08 Zoo / Theme Park
CL09 Beach Hut (Recreational, Non-Residential Use Only)
CL10 Licensed Private Members Club
CL10RE Recreational / Social Club
CL11 Arena / Stadium
CM Medical
CM01 Dentist
CM02 General Practice Surgery / Clinic
CM02HC Health Centre
CM02HL Health Care Services
CM03 Hospital / Hospice
CM03HI Hospice
CM03HP Hospital
CM04 Medical / Testing / Research Laboratory
CM05 Professional Medical Service
CN Animal Centre
CN01 Cattery / Kennel
CN02 Animal Services
CN03 Equestrian
CN04 Vet / Animal Medical Treatment
CN05 Animal / Bird / Marine Sanctuary
CO Office
CO01 Office / Work Studio
CO01EM Embassy / High Commission / Consulate
CO01FM Film Studio
CO01GV Central Government Service
CO01LG Local Government Service
CO02 Broadcasting (TV / Radio)
CR Retail
CR01 Bank / Financial Service
CR02 Retail Service Agent
CR02PO Post Office
CR04 Market (Indoor / Outdoor)
CR05 Petrol Filling Station
CR06 Public House / Bar / Nightclub
CR07 Restaurant / Cafeteria
CR08 Shop / Showroom
CR08GC Garden Centre
CR09 Other Licensed Premise / Vendor
CR10 Fast Food Outlet / Takeaway (Hot / Cold)
CR11 Automated Teller Machine (ATM)
CS Storage Land
CS01 General Storage Land
CS02 Builders Yard
CT Transport
CT01 Airfield / Airstrip / Airport / Air Transport Infrastructure Facility
CT02 Bus Shelter
CT03 Car / Coach / Commercial Vehicle / Taxi Parking / Park And Ride Site
CT03PP Public Car Parking
CT04 Goods Freight Handling / Terminal
CT05 Marina
CT06 Mooring
CT07 Railway Asset
CT08 Station / Interchange / Terminal / Halt
CT08BC Bus / Coach Station
CT08RS Railway Station
CT09 Transport Track / Way
CT10 Vehicle Storage
CT11 Transport Related Infrastructure
CT12 Overnight Lorry Park
CT13 Harbour / Port / Dock / Dockyard / Slipway / Landing Stage / Pier / Jetty / Pontoon / Terminal / Berthing / Quay
CU Utility
CU01 Electricity Sub-Station
CU02 Landfill
CU03 Power Station / Energy Production
CU04 Pump House / Pumping Station / Water Tower
CU06 Telecommunication
CU06TE Telecommunications Mast
CU06TX Telephone Exchange
CU07 Water / Waste Water / Sewage Treatment Works
CU08 Gas / Oil Storage / Distribution
CU09 Other Utility Use
CU10 Waste Management
CU11 Telephone Box
CU12 Dam
CX Emergency / Rescue Service
CX01 Police / Transport Police / Station
CX02 Fire Station
CX03 Ambulance Station
CX04 Lifeboat Services / Station
CZ Information
CZ01 Advertising Hoarding
CZ02 Tourist Information Signage
CZ03 Traffic Information Signage
L Land
LA Agricultural - Applicable to land in farm ownership and not run as a separate business enterprise
LB Ancillary Building
LC Burial Ground
LC01 Historic / Disused Cemetery / Graveyard
LD Development
LD01 Development Site
LD01RN Residential Construction Site
LF Forestry
LF03 Woodland
LL Allotment
LM Amenity - Open areas not attracting visitors
LM03 Maintained Amenity Land
LM04 Maintained Surfaced Area
LO Open Space
LO01 Heath / Moorland
LP Park
LP01 Public Park / Garden
LP02 Public Open Space / Nature Reserve
LP03 Playground
LP04 Private Park / Garden
LU Unused Land
LU01 Vacant / Derelict Land
LW Water
LW01 Lake / Reservoir
LW02 Named Pond
LW03 Waterway
M Military
MA Army
MB Ancillary Building
MF Air Force
MG Defence Estates
MN Navy
O Other (Ordnance Survey Only)
OA Aid To Navigation
OC Coastal Protection / Flood Prevention
OE Emergency Support
OF Street Furniture
OG Agricultural Support Objects
OH Historical Site / Object
OI Industrial Support
ON Significant Natural Object
OO Ornamental / Cultural Object
OP Sport / Leisure Support
OR Royal Mail Infrastructure
OR01 Postal Box
OR02 Postal Delivery Box / Pouch
OR03 PO Box
OR04 Additional Mail / Packet Addressee
OS Scientific / Observation Support
OT Transport Support
OU Unsupported Site
OU01 Cycle Parking Facility
P Parent Shell
PP Property Shell
PS Street Record
R Residential
RB Ancillary Building
RC Car Park Space
RC01 Allocated Parking
RD Dwelling
RD01 Caravan
RD02 Detached
RD03 Semi-Detached
RD04 Terraced
RD06 Self Contained Flat (Includes Maisonette / Apartment)
RD07 House Boat
RD08 Sheltered Accommodation
RD10 Privately Owned Holiday Caravan / Chalet
RG Garage
RG02 Lock-Up Garage / Garage Court
RH House In Multiple Occupation
RH01 HMO Parent
RH02 HMO Bedsit / Other Non Self Contained Accommodation
RH03 HMO Not Further Divided
RI Residential Institution
RI01 Care / Nursing Home
RI02 Communal Residence
RI02NC Non-Commercial Lodgings
RI02RC Religious Community
RI03 Residential Education
U Unclassified
UC Awaiting Classification
UP Pending Internal Investigation
X Dual Use
Z Object of Interest
ZA Archaeological Dig Site
ZM Monument
ZM02 Memorial / Market Cross
ZM03 Statue
ZM04 Castle / Historic Ruin
ZS Stately Home
ZU Underground Feature
ZV Other Underground Feature
ZW Place Of Worship
ZW99CA Cathedral
ZW99CH Church
ZW99CP Chapel
ZW99GU Gurdwara
ZW99KH Kingdom Hall
ZW99MQ Mosque
ZW99SY Synagogue
ZW99TP Temple
"""
_CODE = re.compile("[A-Z]{1,2}([0-9]{2}([A-Z]{2})?)?")
_DESCRIPTIONS = dict(line.split(" ", 1) for line in _SCHEME.strip().splitlines())


@lru_cache(10_000)
def description(code: str) -> str:
    """Returns the description of a code, or of the narrowest listed class that contains it; empty for a code outside the scheme."""
    return next((_DESCRIPTIONS[code[:length]] for length in range(len(code), 0, -1) if code[:length] in _DESCRIPTIONS), "")


@lru_cache(10_000)
def is_code(text: str) -> bool:
    """Tells whether a text has the form of a code and belongs to a class of the scheme. The code may be finer than the listed ones."""
    return bool(_CODE.fullmatch(text) and description(text))
